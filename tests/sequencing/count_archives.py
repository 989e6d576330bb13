"""Archives and folders of per-sample files, as small as the tests of their readers allow."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

SUMMARY = "N_unmapped\t9\t9\t9\nN_multimapping\t9\t9\t9\nN_noFeature\t9\t9\t9\nN_ambiguous\t9\t9\t9\n"
GENES = ("Fos", "Arc", "Egr1")

# of GENCODE kits read in reverse: few reads on the forward strand
REVERSE_L1 = {"Fos": (1000, 30, 970), "Arc": (500, 20, 480), "Egr1": (7, 0, 7)}
REVERSE_L2 = {"Fos": (2000, 70, 1930), "Arc": (900, 10, 890), "Egr1": (8, 1, 7)}


def star(rows: dict[str, tuple[int, int, int]]) -> bytes:
    return (SUMMARY + "".join(f"{gene}\t{a}\t{b}\t{c}\n" for gene, (a, b, c) in rows.items())).encode()


def per_gene(*counts: object, genes: tuple[str, ...] = GENES, tail: str = "") -> bytes:
    return ("".join(f"{gene}\t{n}\n" for gene, n in zip(genes, counts, strict=True)) + tail).encode()


def salmon(*estimates: float, names: tuple[str, ...] = GENES) -> bytes:
    rows = "".join(f"{name}\t900\t700.5\t1.25\t{n}\n" for name, n in zip(names, estimates, strict=True))
    return f"Name\tLength\tEffectiveLength\tTPM\tNumReads\n{rows}".encode()


def kallisto(*estimates: float, names: tuple[str, ...] = GENES) -> bytes:
    rows = "".join(f"{name}\t900\t700.5\t{n}\t1.25\n" for name, n in zip(names, estimates, strict=True))
    return f"target_id\tlength\teff_length\test_counts\ttpm\n{rows}".encode()


STAR_FILES = {
    "star/L1/ReadsPerGene.out.tab": star(REVERSE_L1),
    "star/L1/Log.final.out": b"Number of input reads | 1\n",
    "star/L2/ReadsPerGene.out.tab": star(REVERSE_L2),
    "star/L2/Log.final.out": b"Number of input reads | 1\n",
}
HTSEQ_FILES = {"L1.counts": per_gene(1, 2, 3), "L2.counts": per_gene(4, 5, 6)}
MTX_FILES = {
    "matrix.mtx": b"%%MatrixMarket matrix coordinate integer general\n%\n3 2 3\n1 1 5\n3 1 7\n2 2 9\n",
    "features.tsv": b"Fos\tFos\tGene Expression\nArc\tArc\tGene Expression\nEgr1\tEgr1\tGene Expression\n",
    "barcodes.tsv": b"L1\nL2\n",
}


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


def tarred(files: dict[str, bytes], *, gz: bool = False) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(packed.getvalue()) if gz else packed.getvalue()


def unpacked(folder: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
