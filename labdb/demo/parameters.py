"""Every number of the demo study, in one place, with its source.

"761 mice": public social-interaction data of 761 real mice, against which the shares of the demo were set.
"ours": a choice that no source dictates. Log ratios are natural logs; ``_log2`` is log2 of expression.
"""

import datetime as dt
from typing import Final

DEFAULT_SEED: Final = 2219  # a draw that is typical in every share below; tests/demo holds it to that

# Animals -----------------------------------------------------------------------------------------
N_CONTROL: Final = 10  # enough for a cutoff from controls (8) and an error of the test (5)
N_DEFEATED: Final = 112  # about 57 % susceptible among defeated males (761 mice)
COHORTS: Final = {"C1": dt.date(2026, 3, 2), "C2": dt.date(2026, 3, 16)}  # first day of defeat; ours
STRAIN: Final = "C57BL/6J"  # Golden et al., Nat Protoc 6, 1183 (2011)
AGE_AT_DEFEAT_DAYS: Final = (53, 59)  # about 8 weeks; Golden et al. 2011
ARMS: Final = ("saline", "imipramine", "ketamine")  # Bagot et al., Biol Psychiatry 81, 285 (2017)
DRUGS: Final = ("imipramine", "ketamine")
UNRANDOMIZED_ARM: Final = "vehicle"
COMPONENTS: Final = (  # arm, drug, first day, last day, mg/kg; doses of domain use, Bagot et al. 2017 schedule
    ("saline", "saline", 1, 14, None),
    ("imipramine", "imipramine", 1, 14, 20.0),
    ("ketamine", "saline", 1, 13, None),  # all mice are injected alike
    ("ketamine", "ketamine", 14, 14, 10.0),
    ("vehicle", "saline", 1, 14, None),
)
MICE_PER_ARM: Final = 16  # ours: large enough to conclude something
N_SEQUENCED_RESILIENT: Final = 8  # ours
N_SEQUENCED_CONTROL: Final = 8  # ours

# Calendar, in days from the first defeat -----------------------------------------------------------
DEFEAT_DAYS: Final = 10  # Golden et al. 2011
TREATMENT_DAYS: Final = 14  # Bagot et al. 2017: imipramine daily
FIRST_TEST_DAY: Final = DEFEAT_DAYS  # 24 h after the last defeat
RETEST_DAY: Final = FIRST_TEST_DAY + TREATMENT_DAYS + 1
DISSECTION_DAY: Final = RETEST_DAY + 1
WEIGHING_DAYS: Final = (0, 3, 7, 10, 17, 24)  # the trough, then about weekly; ours

# Where the mice come from and live ------------------------------------------------------------------
SHIPPED_COHORT: Final = "C1"  # the other is bred in house, so that both ways are seen; ours
VENDOR: Final = "The Jackson Laboratory"  # of the strain
DAYS_BEFORE_DEFEAT_OF_ARRIVAL: Final = 7  # acclimation; ours
MALES_PER_LITTER: Final = 5  # at most; ours
LITTER_SIZE: Final = (6, 10)  # born, both sexes, C57BL/6J; ours
WEANING_AGE_DAYS: Final = 21  # usual; ours
MICE_PER_GROUP_CAGE: Final = 4  # until the first defeat; ours
CAGES_PER_RACK_ROW: Final = 8  # ours
HOUSING_ROOM: Final = "A3"  # ours

# Aggressors and defeat ------------------------------------------------------------------------------
AGGRESSOR_STRAIN: Final = "CD-1"  # Golden et al. 2011
N_AGGRESSORS_SCREENED: Final = 90  # per cohort; about 85 % pass, and 64 are needed; ours
N_RESERVES: Final = 8  # per cohort, for the residents that do not attack; ours
N_TARGETS: Final = 6  # per cohort, for the SI test only: no mouse meets them before; ours
AGGRESSOR_AGE_AT_ARRIVAL_DAYS: Final = (120, 180)  # retired breeders of 4 to 6 months; Golden et al. 2011
AGGRESSOR_ARRIVAL_DAY: Final = -14  # ours
SCREENING_DAYS: Final = (-4, -3, -2)  # three days; Golden et al. 2011
SCREENING_S: Final = 180.0  # three minutes, a fresh screener each day; Golden et al. 2011
SCREENING_MAX_LATENCY_S: Final = 60.0  # keep: attacks within it in two consecutive sessions; Golden et al. 2011
BOUT_S: Final = 300.0  # 5-10 minutes; Golden et al. 2011
STOPPED_BOUT_S: Final = 180.0  # a bout cut short for a wound; ours
SENSORY_CONTACT_H: Final = 24.0  # across the divider; Golden et al. 2011
ATTACK_LATENCY_MEDIAN_S: Final = 22.0  # first attack, log-normal
ATTACK_LATENCY_LOG_SD: Final = 0.9  # in all, the aggressor's part included
ATTACKS_MEAN: Final = 18.0  # on the first day, Poisson-gamma
ATTACKS_GAMMA_SIZE: Final = 3.0
ATTACKS_CHANGE_PER_DAY: Final = -0.03
AGGRESSOR_LOG_SD: Final = 0.35  # between aggressors, on attacks and (reversed) on latency
WOUND_SHARES: Final = (0.70, 0.27, 0.025, 0.005)  # scores 0 to 3; 3 % of bouts end with 2 or more; the split is ours
WOUND_SCORE_THAT_STOPS: Final = 3  # ours
SUBSTITUTED_SHARE: Final = 0.04  # of bouts: the resident did not attack, another took its place
BOUTS_AT_ONCE: Final = 8  # watched by two people; ours
BOUT_WAVE_MINUTES: Final = 8  # ours
BOUT_HOUR: Final = 13  # ours
HUMANE_ENDPOINT_DAY: Final = 25  # evening of the re-test, so that all mice have both tests; ours

# Dosing ---------------------------------------------------------------------------------------------
DOSE_HOUR: Final = 10  # ours
DRUG_FORM: Final = "salt"  # both are sold as hydrochlorides, and weighed as such; ours
DRUG_VEHICLE: Final = "0.9 % NaCl"
DOSES_APART_S: Final = 60  # ours
DOSE_VOLUME_ML_PER_KG: Final = 5.0  # half of the usual limit of 10 ml/kg i.p., the same in all arms; ours
SYRINGE_STEP_ML: Final = 0.01  # what a 0.5 ml syringe shows; ours
SOLUTION_BATCH_DAYS: Final = (1, 8)  # first days of the weekly batches; ours
SOLUTION_KEEPS_DAYS: Final = 10  # ours
MISSED_DOSE_SHARE: Final = 0.003  # ours
PARTIAL_DOSE_SHARE: Final = 0.005  # ours
PARTIAL_DOSE_FRACTION: Final = 0.5  # ours

# Social-interaction test ---------------------------------------------------------------------------
TRIAL_S: Final = 150.0  # Golden et al. 2011
IZ_ABSENT_MEAN_S: Final = 60.0  # 761 mice
IZ_ABSENT_SD_S: Final = 16.0  # 761 mice
IZ_MAX_S: Final = 145.0  # nobody sits in the zone for the whole trial
IZ_MIN_S: Final = 1.0  # keeps the tail of the normal away from 0; a planted 0 is another matter
CONTROL_TRAIT: Final = (0.45, 0.15)  # mean and SD on the log scale; 9 % of controls below 1 (761 mice)
SUSCEPTIBLE_TRAIT: Final = (-0.75, 0.50)  # with the next two: 55 % of defeated mice below 1 (761 mice)
RESILIENT_TRAIT: Final = (0.33, 0.15)
SUSCEPTIBLE_SHARE: Final = 0.53
TEST_NOISE_SD: Final = 0.28  # of one test, log scale
RETEST_DRIFT: Final = 0.1  # habituation; with the noise 16-19 % of saline mice end above 1
DRUG_EFFECT: Final = 1.1  # on the log ratio of a mouse that the drug works in
DRUG_RESPONSE_SHARE: Final = 0.42  # of treated mice; with chance crossings about 45 % end above 1
CORNER_ABSENT_MEAN_S: Final = 25.0  # ours
CORNER_ABSENT_SD_S: Final = 8.0  # ours
CORNER_SLOPE: Final = -0.6  # log corner ratio on log SI ratio: who avoids the target sits in the corner; ours
CORNER_NOISE_SD: Final = 0.3  # ours
VELOCITY_MEAN_CM_PER_S: Final = 8.0  # ours
VELOCITY_SD_CM_PER_S: Final = 1.4  # ours
VELOCITY_SLOPE: Final = 0.12  # avoiding mice freeze more when the target is there; ours
MINUTES_PER_TEST: Final = 7  # two trials and the cleaning; ours
N_ARENAS: Final = 2  # by turns, so that one dries while the other is used; ours
ARENA_CM: Final = {  # Golden et al. 2011; the zone is that of one published protocol
    "width_cm": 42.0,
    "length_cm": 42.0,
    "zone_width_cm": 14.0,
    "zone_depth_cm": 9.0,
    "corner_cm": 9.0,
}
TEST_ROOM: Final = "B12"  # ours
TEST_LUX: Final = (10.0, 1.0)  # red light: mean and SD; ours
GAP_BETWEEN_TRIALS_MIN: Final = (0.5, 1.5)  # the target is put in; ours
LIGHTS_ON_HOUR: Final = 7  # ours

# Tracks of a handful of first tests -------------------------------------------------------------------
TRACKED: Final = {
    "control": 1,
    "susceptible": 3,
    "resilient": 2,
}  # mice, from the one nearest to the cutoff to a clear one; ours
TRACK_HZ: Final = 25  # as many trackers sample
TRACK_VISIT_S: Final = 2.5  # mean stay in zone or corner; ours
TRACK_TURN_S: Final = 0.6  # how soon a mouse turns; ours

# Other assays ----------------------------------------------------------------------------------------
SUCROSE_TOTAL_G: Final = (6.0, 0.9)  # from both bottles in a night: mean and SD; ours
ASSAY_METRICS: Final = (  # metric, day, hour, mean, SD, correlation with the log SI ratio of the first test, range; ours
    ("sucrose_preference_percent", 11, 7, 74.0, 10.0, 0.40, (35.0, 97.0)),  # anhedonia goes along with avoidance
    ("open_field_center_s", 23, 13, 48.0, 16.0, 0.25, (2.0, 200.0)),
    ("open_field_distance_cm", 23, 13, 3_200.0, 550.0, 0.0, (900.0, 6_000.0)),
    ("forced_swim_immobile_s", 25, 17, 128.0, 32.0, -0.30, (10.0, 238.0)),  # of 240
    ("forced_swim_immobility_latency_s", 25, 17, 86.0, 26.0, 0.20, (5.0, 235.0)),
)

# Body mass -----------------------------------------------------------------------------------------
BODY_MASS_G: Final = (25.0, 1.5)  # mean and SD at the first defeat
MASS_LOSS_G: Final = 1.5  # of defeated mice, reached on the day below
MASS_LOSS_BY_DAY: Final = 3
MASS_GAIN_G_PER_DAY: Final = 0.15
WEIGHING_ERROR_SD_G: Final = 0.2  # ours
DAILY_WEIGHING_DAYS: Final = range(FIRST_TEST_DAY + TREATMENT_DAYS + 1)  # each day of defeat and of treatment; ours
WEIGHING_HOUR: Final = 8  # ours

# Tissue, RNA, sequencing ----------------------------------------------------------------------------
REGIONS: Final = ("PFC", "NAc", "HIP", "AMY")  # Bagot et al. 2017
PUNCH_MM: Final = {"PFC": 1.2, "NAc": 1.0, "HIP": 1.2, "AMY": 1.0}  # ours
PUNCHES: Final = 2  # one per hemisphere; ours
RIN: Final = (8.6, 0.5)  # mean and SD
RIN_LOW_SHARE: Final = 0.04  # of samples below 7
RIN_LOW_RANGE: Final = (5.5, 6.9)  # ours
RATIO_260_280: Final = (2.02, 0.06)
RNA_CONC_NG_PER_UL: Final = (80.0, 0.35)  # median and SD of the log; ours
EXTRACTION_BATCH_SIZE: Final = 24  # one centrifuge; ours
INSTRUMENT_BATCH: Final = "X01"  # its RIN and concentration come in a file of a TapeStation; ours
POOLS_PER_REGION: Final = 2  # 8 pools of 32 libraries
POOLS_PER_RUN: Final = 2  # 4 runs; each pool has a lane of its own
# The 96 pairs of Illumina's TruSeq CD indexes (D701-D712, D501-D508), as its "Illumina Adapter Sequences" lists them.
INDEXES_I7: Final = (
    "ATTACTCG", "TCCGGAGA", "CGCTCATT", "GAGATTCC", "ATTCAGAA", "GAATTCGT",
    "CTGAAGCT", "TAATGCGC", "CGGCTATG", "TCCGCGAA", "TCTCGCGC", "AGCGATAG",
)  # fmt: skip
INDEXES_I5: Final = (
    "TATAGCCT", "ATAGAGGC", "CCTATCCT", "GGCTCTGA", "AGGCGAAG", "TAATCTTA", "CAGGACGT", "GTACTGAC",
)  # fmt: skip
FIRST_RUN_DATE: Final = dt.date(2026, 4, 27)  # ours
INSTRUMENT: Final = "NovaSeq 6000"  # ours
READ_LENGTH_BP: Final = 75  # ours
PLANNED_READS_MILLION: Final = 30.0  # a library; ours
ASSIGNED_SHARE: Final = (0.80, 0.02)  # of the reads received, those counted in a gene: mean and SD; ours
LIBRARY_VOCABULARY: Final = {  # words of the Sequence Read Archive; ours
    "library_strategy": "RNA-Seq",
    "library_source": "TRANSCRIPTOMIC",
    "library_selection": "PolyA",
    "library_layout": "PAIRED",
}

# Storage and neuroplasticity -------------------------------------------------------------------------
BOX_SIDE: Final = 9  # 81 tubes; the usual cryobox
FREEZER: Final = "F1"  # ours
MINUTES_TO_FREEZER: Final = 60  # on dry ice until the day's mice are done; ours
N_MOVED_TUBES: Final = 3  # put behind the others first; ours
DAYS_TO_BOX_CHECK: Final = 3  # after the last extraction; ours
N_MEASURED: Final = 40  # of the defeated mice that are not sequenced; ours
N_SCANNED_PER_ARM: Final = 6  # alive, of the randomized mice and of the controls; ours
SCAN_HOUR: Final = 17  # of the day of the re-test; ours
MINUTES_PER_SCAN: Final = 25  # ours
DAYS_TO_READING: Final = {"MRI": 10, "histology": 30}  # after the last day; ours
TISSUE_METRICS: Final = (  # region, hemisphere, modality, metric, unit, mean, SD, correlation with the log SI ratio; ours
    ("HIP", "B", "MRI", "gray_matter_volume", "mm3", 25.0, 1.0, -0.5),  # inverse in one region: the editorial
    ("PFC", "B", "MRI", "gray_matter_volume", "mm3", 6.0, 0.3, 0.0),  # none in another
    ("PFC", "R", "histology", "spine_density", "per 10 um", 14.0, 1.5, 0.0),
)

# Expression ------------------------------------------------------------------------------------------
N_GENES: Final = 22_000
ANNOTATION: Final = "labdb-demo-1"  # simulated: not the name of any real annotation
LIBRARY_SIZE: Final = 25_000_000
LIBRARY_SIZE_CV: Final = 0.25
LEAST_LIBRARY_SHARE: Final = 0.53  # of LIBRARY_SIZE: a core sequences again what falls clearly short; ours
EXPRESSED_SHARE: Final = 0.72  # about 15,800 genes pass the usual filter, as in real brain tissue; ours
EXPRESSED_LOG2_CPM: Final = (4.5, 2.0)  # mean and SD over expressed genes; with it all CPM add up to a million; ours
SILENT_LOG2_CPM: Final = (-4.5, 1.2)  # ours
REGION_SD_LOG2: Final = 0.5  # spread of a gene over regions; ours
DISPERSION_FLOOR: Final = 0.03  # dispersion = (floor + slope / mean) x log-normal
DISPERSION_SLOPE: Final = 1.5
DISPERSION_SD: Final = 0.45  # of the log-normal
N_FACTORS: Final = 3  # latent, such as cell composition
FACTOR_VARIANCE_SHARE: Final = 0.20
FACTOR_SHARED_BY_REGIONS: Final = 0.5  # share of a factor's variance that is the mouse's, not the sample's; ours
POOL_EFFECT_SD_LOG2: Final = 0.1  # ours

STRESS_GENE_SHARE: Final = 0.06  # of all genes, per region
STRESS_SD_LOG2: Final = 0.6
STRESS_SHARED_BY_REGIONS: Final = 0.5  # share of stress genes common to all regions; ours
STRESS_REGION_CORRELATION: Final = 0.7  # of a common gene's effect between two regions; ours
STRESS_SHARED_WITH_RESILIENCE: Final = 1 / 3  # of the stress genes
RESILIENCE_GENE_SHARE: Final = 0.02  # ours
RESILIENCE_SD_LOG2: Final = 0.5  # ours
RESILIENCE_INDUCED: Final = 0.5  # of a resilience gene, times the fraction undone, in drug responders; ours
DRUG_GENE_SHARE: Final = 0.015  # per drug and region; ours
DRUG_GENES_COMMON: Final = 0.5  # share of them that both drugs move; ours
DRUG_SD_LOG2: Final = 0.5  # ours
N_NON_RESPONDER_GENES: Final = 150  # per drug and region
N_NON_RESPONDER_OPPOSING: Final = 60  # of them: genes of the drug, moved against its direction
NON_RESPONDER_SD_LOG2: Final = 0.5  # ours

PERSISTENCE_SD: Final = 0.2  # of the stress state of the tissue, mean 1
PERSISTENCE_RETEST_CORRELATION: Final = -0.35  # in saline mice too: selecting responders is a bias
FRACTION_UNDONE: Final = {  # of the stress effect, in mice that the drug works in
    "PFC": {"imipramine": 0.7, "ketamine": 0.7},
    "NAc": {"imipramine": 0.6, "ketamine": 0.2},
    "HIP": {"imipramine": 0.2, "ketamine": 0.6},
    "AMY": {"imipramine": 0.5, "ketamine": 0.1},
}
FRACTION_UNDONE_NON_RESPONDER: Final = 0.0

# Errors planted for the quality checks ---------------------------------------------------------------
SWAPPED_REGIONS: Final = ("PFC", "NAc")  # of one mouse: their markers give the exchange away; ours
POOR_LIBRARY_READ_SHARE: Final = 0.5
POOR_LIBRARY_WAS_AT_MOST: Final = 0.9  # of the usual number of reads: half of a large library would be no error; ours

# The published layout: Bagot et al. 2017, GSE81672 -----------------------------------------------------
PUBLISHED_SEED: Final = 81672  # ours
PUBLISHED_MICE: Final = {  # what the libraries of a region are of; 25 mice
    "control": 5,
    "resilient": 4,
    "saline": 3,  # susceptible
    "imipramine responder": 3,
    "imipramine non_responder": 4,
    "ketamine responder": 3,
    "ketamine non_responder": 3,
}
PUBLISHED_LOST: Final = ("HIP", "control")  # this region has one such sample less: 99 in all
PUBLISHED_SPLIT_REGION: Final = "HIP"  # on four runs: saline mice one each in three, drug mice mostly in the fourth
PUBLISHED_SPLIT_DRUGGED: Final = (1, 1, 1, 10)  # libraries of drug mice on each run; "mostly" is the source's
PUBLISHED_SPLIT_OTHERS: Final = (1, 1, 1, 1)  # of controls, and of resilient mice, on each run; ours
