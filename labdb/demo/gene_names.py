"""Names of the demo's genes: well-known mouse symbols, then simulated ones.

The gene ids begin with ENSMUSG9: no real annotation uses that range, so a simulated gene is never
taken for a real one, whatever its symbol.
"""

from typing import Final

import pandas as pd

from labdb.demo import parameters as p

Y_GENES: Final = ("Ddx3y", "Eif2s3y", "Kdm5d", "Uty")
X_INACTIVATION_GENES: Final = ("Xist", "Tsix")
MITOCHONDRIAL_GENES: Final = ("mt-Atp6", "mt-Co1", "mt-Co2", "mt-Co3", "mt-Cytb", "mt-Nd1", "mt-Nd2", "mt-Nd4")
REGION_MARKERS: Final = {  # well known of mouse brain; the size of their shift is ours
    "PFC": ("Cux2", "Fezf2", "Rorb", "Satb2"),
    "NAc": ("Adora2a", "Drd1", "Drd2", "Ppp1r1b", "Rgs9"),
    "HIP": ("Dsp", "Lct", "Prox1", "Wfs1"),
    "AMY": ("Cyp26b1", "Etv1", "Rspo2"),
}

_IMMEDIATE_EARLY = "Fos Fosb Junb Jun Arc Egr1 Egr2 Egr3 Npas4 Nr4a1 Ier2 Dusp1 Btg2 Homer1"
_STRESS_AND_PEPTIDES = (
    "Nr3c1 Nr3c2 Fkbp5 Sgk1 Crh Crhr1 Crhr2 Crhbp Avp Oxt Oxtr Pomc Npy Sst Cck Vip Tac1 Penk Pdyn Cartpt Adcyap1"
)
_PLASTICITY = "Bdnf Ntrk2 Creb1 Camk2a Camk2b Camk4 Dlg4 Shank3 Syn1 Snap25 Syp Gap43 Mecp2 Dnmt1 Dnmt3a Hdac2 Hdac5"
_TRANSMISSION = (
    "Slc6a4 Htr1a Htr1b Htr2a Htr2c Tph2 Slc6a2 Adra2a Drd3 Drd4 Th Comt Maoa Gria1 Gria2 Grin1 Grin2a Grin2b Grm2 "
    "Grm5 Slc17a6 Slc17a7 Gad1 Gad2 Gabra1 Gabra2 Slc32a1 Chrna7 Cnr1 Oprm1 Oprk1"
)
_CELLS = "Gfap Aqp4 Aldh1l1 S100b Mbp Plp1 Mog Olig2 Pdgfra Aif1 Cx3cr1 Itgam Tmem119 P2ry12 Rbfox3 Pvalb Calb1 Calb2"
_SIGNALLING = "Gsk3b Mtor Akt1 Mapk1 Rps6kb1 Ppargc1a Vegfa Il1b Il6 Tnf Nfkb1 Cldn5 Dcc Sirt1 Hspa8 Actb Gapdh Tubb3"

KNOWN_SYMBOLS: Final = tuple(
    dict.fromkeys(
        [
            *" ".join(
                (_IMMEDIATE_EARLY, _STRESS_AND_PEPTIDES, _PLASTICITY, _TRANSMISSION, _CELLS, _SIGNALLING)
            ).split(),
            *(marker for markers in REGION_MARKERS.values() for marker in markers),
            *MITOCHONDRIAL_GENES,
            *X_INACTIVATION_GENES,
            *Y_GENES,
        ]
    )
)


def demo_genes(n_genes: int = p.N_GENES) -> pd.DataFrame:
    """Name the genes of the demo's annotation.

    Parameters
    ----------
    n_genes : int
        At least as many as there are known symbols.

    Returns
    -------
    pandas.DataFrame, indexed by gene id, shape (n_genes, 2)
        ``symbol``, ``annotation``; the known symbols first, then Gm10001, Gm10002, ...
    """
    if n_genes < len(KNOWN_SYMBOLS):
        raise ValueError(f"n_genes must be at least {len(KNOWN_SYMBOLS)}; got {n_genes}")
    simulated = (f"Gm{10_001 + number}" for number in range(n_genes - len(KNOWN_SYMBOLS)))
    index = pd.Index([f"ENSMUSG9{number:010d}" for number in range(1, n_genes + 1)], name="gene_id")
    return pd.DataFrame({"symbol": [*KNOWN_SYMBOLS, *simulated], "annotation": p.ANNOTATION}, index=index)
