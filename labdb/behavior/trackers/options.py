"""What the person who sends a tracker's file can say about it."""

from dataclasses import dataclass

from labdb.behavior.trackers.result import TrackerError

PCUTOFF = 0.6  # DeepLabCut's own default for what it plots
MIN_FRAME_RATE_HZ, MAX_FRAME_RATE_HZ = 0.1, 10_000


@dataclass(frozen=True)
class Options:
    """Facts that a file may lack.

    Attributes
    ----------
    frame_rate_hz : float or None
        Of the video, for files that number frames.
    likelihood_cutoff : float
        Positions below it are missing (0 to 1).
    date_order : str
        ``day-first`` or ``month-first``; empty when nobody said.
    subject_column : str
        Column of a table of zone times that names the mouse; empty to find it by its name.
    """

    frame_rate_hz: float | None = None
    likelihood_cutoff: float = PCUTOFF
    date_order: str = ""
    subject_column: str = ""

    def check(self, file: str) -> None:
        """Refuse a number that cannot be, as an error about the file."""
        rate, cutoff = self.frame_rate_hz, self.likelihood_cutoff
        if rate is not None and not MIN_FRAME_RATE_HZ <= rate <= MAX_FRAME_RATE_HZ:
            raise TrackerError(
                file, f"The frame rate {rate:g} cannot be.",
                f"Enter the frames per second of the video, {MIN_FRAME_RATE_HZ} to {MAX_FRAME_RATE_HZ:,}.",
                asks_for="frame_rate_hz",
            )  # fmt: skip
        if not 0 <= cutoff <= 1:
            raise TrackerError(
                file, f"The likelihood cutoff {cutoff:g} cannot be.", "Enter 0 to 1.", asks_for="likelihood_cutoff"
            )
