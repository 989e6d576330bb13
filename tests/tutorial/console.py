"""Commands and expected output of a page's ```console blocks, and a terminal that types them."""

import doctest
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)
MARK = "@@@@"  # stands in no command's output


@dataclass(frozen=True)
class Typed:
    """One command and what the page says that it prints; ``...`` is anything."""

    command: str
    expected: str


@dataclass(frozen=True)
class Printed:
    """What a command printed, standard error included, and how it ended."""

    output: str
    exit_code: int


def typed_commands(page: str) -> list[Typed]:
    """Return the commands of a page in their order."""
    commands = []
    for block in BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            commands.append(Typed(command, expected))
    return commands


def type_all(
    commands: Sequence[Typed], *, folder: Path, environment: Mapping[str, str], limit_s: float
) -> list[Printed]:
    """Type commands into one bash, as a person does, until one fails; return what each printed."""
    after = f"code=$?; printf '\\n{MARK}%d\\n' $code; [ $code = 0 ] || exit"
    script = "".join(f"{typed.command}\n{after}\n" for typed in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit_s, check=False,
    )  # fmt: skip
    return _split(done.stdout)


def is_as_expected(typed: Typed, printed: Printed) -> bool:
    """Whether a command printed what the page says, and ended well."""
    flags = doctest.ELLIPSIS
    return printed.exit_code == 0 and doctest.OutputChecker().check_output(typed.expected, printed.output, flags)


def _split(text: str) -> list[Printed]:
    parts = re.split(rf"\n?{MARK}(\d+)\n", text)
    return [Printed(_ended(output), int(code)) for output, code in zip(parts[:-1:2], parts[1::2], strict=True)]


def _ended(output: str) -> str:
    return output + "\n" if output and not output.endswith("\n") else output
