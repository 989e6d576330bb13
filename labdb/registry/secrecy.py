"""What a model says of rows that few may know while a study is blinded; `labdb.registry.permissions` holds to it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Secrecy:
    """Rows that are kept from all but the holders of a right while their study says so.

    Attributes
    ----------
    permission : str
        The right, such as ``treatment.hold_key``. It counts where a role gives it, in the study or everywhere: an
        administrator or a manager has it by giving the role, which stays in the history.
    flag : str
        The field of the study that is true as long.
    hides : bool
        False: everybody sees the rows, and only the holders write them.
    used_by : tuple of str
        Of a record without a study: the relations by which records of studies use it. It is hidden while only studies
        use it that keep it from the account, and written by holders alone while any study does.
    """

    permission: str
    flag: str
    hides: bool = True
    used_by: tuple[str, ...] = ()
