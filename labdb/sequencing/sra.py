"""The words of the Sequence Read Archive (SRA) for a library and its run, as a submission must spell them.

Of its controlled vocabulary those that RNA from tissue can have, and the open ends.
"""

from django.db import models


class LibraryStrategy(models.TextChoices):
    """What was sequenced, by technique."""

    RNA_SEQ = "RNA-Seq", "RNA-Seq"
    SSRNA_SEQ = "ssRNA-seq", "ssRNA-seq (strand-specific)"
    SNRNA_SEQ = "snRNA-seq", "snRNA-seq (single nucleus)"
    MIRNA_SEQ = "miRNA-Seq", "miRNA-Seq"
    NCRNA_SEQ = "ncRNA-Seq", "ncRNA-Seq"
    FL_CDNA = "FL-cDNA", "FL-cDNA (full length)"
    RIP_SEQ = "RIP-Seq", "RIP-Seq"
    ATAC_SEQ = "ATAC-seq", "ATAC-seq"
    CHIP_SEQ = "ChIP-Seq", "ChIP-Seq"
    BISULFITE_SEQ = "Bisulfite-Seq", "Bisulfite-Seq"
    OTHER = "OTHER", "other"


class LibrarySource(models.TextChoices):
    """What the library was made from."""

    TRANSCRIPTOMIC = "TRANSCRIPTOMIC", "transcriptomic"
    TRANSCRIPTOMIC_SINGLE_CELL = "TRANSCRIPTOMIC SINGLE CELL", "transcriptomic, single cell"
    GENOMIC = "GENOMIC", "genomic"
    GENOMIC_SINGLE_CELL = "GENOMIC SINGLE CELL", "genomic, single cell"
    SYNTHETIC = "SYNTHETIC", "synthetic"
    OTHER = "OTHER", "other"


class LibrarySelection(models.TextChoices):
    """How the molecules were chosen."""

    POLY_A = "PolyA", "PolyA"
    OLIGO_DT = "Oligo-dT", "Oligo-dT"
    INVERSE_RRNA = "Inverse rRNA", "Inverse rRNA (depletion)"
    CDNA = "cDNA", "cDNA"
    CDNA_RANDOM = "cDNA_randomPriming", "cDNA_randomPriming"
    CDNA_OLIGO_DT = "cDNA_oligo_dT", "cDNA_oligo_dT"
    RT_PCR = "RT-PCR", "RT-PCR"
    PCR = "PCR", "PCR"
    RANDOM = "RANDOM", "random"
    SIZE = "size fractionation", "size fractionation"
    OTHER = "other", "other"
    UNSPECIFIED = "unspecified", "unspecified"


class LibraryLayout(models.TextChoices):
    """Whether one end of a fragment was read, or both."""

    SINGLE = "SINGLE", "single-end"
    PAIRED = "PAIRED", "paired-end"


class Platform(models.TextChoices):
    """Maker of the sequencer."""

    ILLUMINA = "ILLUMINA", "Illumina"
    DNBSEQ = "DNBSEQ", "DNBSEQ (MGI)"
    BGISEQ = "BGISEQ", "BGISEQ"
    ELEMENT = "ELEMENT", "Element"
    ULTIMA = "ULTIMA", "Ultima"
    ION_TORRENT = "ION_TORRENT", "Ion Torrent"
    OXFORD_NANOPORE = "OXFORD_NANOPORE", "Oxford Nanopore"
    PACBIO_SMRT = "PACBIO_SMRT", "PacBio SMRT"
