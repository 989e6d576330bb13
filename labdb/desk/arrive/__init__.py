"""The ARRIVE 2.0 report of a study, from its records (Percie du Sert et al. 2020, PLoS Biol 18:e3000410)."""
