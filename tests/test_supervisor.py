"""The supervisor, with real little programs; they write what happens to them into a file."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from labdb.supervisor import AlreadyRunningError, Check, Program, Supervisor, UnusableFolderError, hold_folder

CHECKOUT = Path(__file__).resolve().parent.parent
STEADY = """
import os, signal, sys, time
def leave(number, frame):
    open(sys.argv[1], "a").write(f"{sys.argv[2]} stopped\\n"); sys.exit()
signal.signal(signal.SIGTERM, leave)
open(sys.argv[1], "a").write(f"{sys.argv[2]} started {os.getpid()}\\n")
while True: time.sleep(10)
"""
STUBBORN = STEADY.replace("signal.signal(signal.SIGTERM, leave)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
SHORT = """
import sys
open(sys.argv[1], "a").write(f"{sys.argv[2]} started\\n")
sys.exit(3)
"""
WITH_CHILD = """
import os, subprocess, sys, time
grandchild = subprocess.Popen(["/bin/sleep", "600"])
open(sys.argv[1], "a").write(f"{sys.argv[2]} started {os.getpid()} {grandchild.pid}\\n")
time.sleep(600)
"""


def wait_until(is_so, limit_s=60.0):
    deadline = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "journal"
    path.touch()
    return path


def program(name, code, journal, **more):
    return Program(name, [sys.executable, "-c", code, str(journal), name], **more)


def words(journal):
    """What the programs wrote, without pids."""
    return [" ".join(line.split()[:2]) for line in journal.read_text().splitlines()]


@pytest.fixture
def run():
    """Run a supervisor in a thread; stop it when the test ends."""
    running = []

    def start(supervisor):
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        running.append((supervisor, thread))
        return thread

    yield start
    for supervisor, thread in running:
        supervisor.ask_to_stop()
        supervisor.ask_to_stop()
        thread.join(60)
        assert not thread.is_alive()


def test_programs_stop_in_the_order_in_which_they_are_listed(journal, run):
    said = []
    supervisor = Supervisor([program(name, STEADY, journal) for name in ("web", "workers")], said.append)
    thread = run(supervisor)
    wait_until(lambda: len(words(journal)) == 2)
    supervisor.ask_to_stop()
    thread.join(60)
    assert words(journal)[2:] == ["web stopped", "workers stopped"]
    assert said == ["Stopping web.", "Stopping workers."]


def test_a_killed_program_is_started_again(journal, run):
    said = []
    run(Supervisor([program("web", STEADY, journal)], said.append, first_delay_s=0.05))
    wait_until(lambda: words(journal) == ["web started"])
    os.kill(int(journal.read_text().split()[2]), signal.SIGKILL)
    wait_until(lambda: words(journal) == ["web started"] * 2)
    assert said == ["web was killed (SIGKILL); starting it again in 0.05 s."]


def test_a_program_that_keeps_dying_waits_twice_as_long_each_time_up_to_a_limit(journal, run):
    said = []
    run(Supervisor([program("workers", SHORT, journal)], said.append, first_delay_s=0.05, longest_delay_s=0.15))
    wait_until(lambda: len(said) >= 4)
    delays = [sentence.split("again in ")[1] for sentence in said[:4]]
    assert delays == ["0.05 s.", "0.1 s.", "0.15 s.", "0.15 s."]  # 0.05 x 1, 2, 4 -> 0.15, 8 -> 0.15
    assert said[0].startswith("workers ended (exit code 3)")


def test_a_program_that_had_run_steadily_is_started_again_at_once(journal, run):
    said = []
    run(Supervisor([program("web", SHORT, journal)], said.append, first_delay_s=0.05, steady_s=0.0))
    wait_until(lambda: len(said) >= 3)
    assert {sentence.split("again in ")[1] for sentence in said[:3]} == {"0.05 s."}


def test_one_dying_program_does_not_disturb_the_other(journal, run):
    said = []
    programs = [program("web", STEADY, journal), program("workers", SHORT, journal)]
    run(Supervisor(programs, said.append, first_delay_s=0.05))
    wait_until(lambda: words(journal).count("workers started") >= 3)
    assert words(journal).count("web started") == 1


def test_a_program_that_ignores_the_request_is_made_to_stop_after_its_grace(journal, run):
    supervisor = Supervisor([program("web", STUBBORN, journal, grace_s=0.2)], lambda sentence: None)
    thread = run(supervisor)
    wait_until(lambda: words(journal))
    supervisor.ask_to_stop()
    thread.join(60)
    assert is_gone(int(journal.read_text().split()[2]))


def test_asking_twice_does_not_wait_for_the_grace(journal, run):
    supervisor = Supervisor([program("web", STUBBORN, journal, grace_s=600)], lambda sentence: None)
    thread = run(supervisor)
    wait_until(lambda: words(journal))
    supervisor.ask_to_stop()
    thread.join(0.5)
    assert thread.is_alive()
    supervisor.ask_to_stop()
    thread.join(60)
    assert not thread.is_alive()
    assert is_gone(int(journal.read_text().split()[2]))


def test_what_a_dead_program_had_started_dies_before_it_starts_again(journal, run):
    run(Supervisor([program("web", WITH_CHILD, journal)], lambda sentence: None, first_delay_s=0.05))
    wait_until(lambda: words(journal))
    _, _, leader, grandchild = journal.read_text().split()
    os.kill(int(leader), signal.SIGKILL)
    wait_until(lambda: len(words(journal)) == 2)
    assert is_gone(int(grandchild))


def test_a_program_that_is_not_there_is_said_and_the_others_run(journal, run):
    said = []
    programs = [Program("web", ["/nonexistent/program"]), program("workers", STEADY, journal)]
    run(Supervisor(programs, said.append))
    wait_until(lambda: words(journal) == ["workers started"])
    assert said[0].startswith("web cannot be started: ")


def test_checks_run_again_and_again(journal, run):
    looks = []
    run(Supervisor([], print, checks=[Check(lambda: looks.append(1), every_s=0.05)]))
    wait_until(lambda: len(looks) >= 3)


def test_a_folder_has_one_supervisor_and_the_second_is_told_where_the_first_is(tmp_path):
    with (
        hold_folder(tmp_path, address="http://127.0.0.1:8000/"),
        pytest.raises(AlreadyRunningError, match=r"already runs on .* at http://127\.0\.0\.1:8000/"),
        hold_folder(tmp_path),
    ):
        pass
    with hold_folder(tmp_path):  # free again
        pass


def test_a_folder_that_cannot_be_written_is_said_in_words(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UnusableFolderError, match=r"data folder .*file cannot be written: File exists\. Give"),
        hold_folder(tmp_path / "file"),
    ):
        pass


KILLED = """
import sys
from pathlib import Path
from labdb import supervisor
if sys.argv[3] == "without the kernel's help":
    supervisor.LIBC = None
program = supervisor.Program("web", [sys.executable, "-c", sys.argv[4], sys.argv[2], "web"])
with supervisor.hold_folder(Path(sys.argv[1])) as hold:
    supervisor.Supervisor([program], print, note_children=lambda children: hold.note(children=children)).run()
"""


def start_supervisor(tmp_path, journal, how, code):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), str(journal), how, code], cwd=CHECKOUT)
    wait_until(lambda: words(journal))
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children of their parent's death on Linux only")
def test_a_killed_supervisor_takes_its_programs_along(tmp_path, journal):
    supervisor = start_supervisor(tmp_path, journal, "with the kernel's help", STEADY)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: words(journal) == ["web started", "web stopped"])


def test_what_a_killed_supervisor_left_running_is_ended_by_the_next(tmp_path, journal):
    supervisor = start_supervisor(tmp_path, journal, "without the kernel's help", WITH_CHILD)
    wait_until(lambda: json.loads((tmp_path / "up.lock").read_text()).get("children"))
    supervisor.kill()
    supervisor.wait()
    _, _, leader, grandchild = journal.read_text().split()
    assert not is_gone(int(leader))
    with hold_folder(tmp_path):
        wait_until(lambda: is_gone(int(leader)) and is_gone(int(grandchild)))


def test_a_stranger_with_the_pid_of_a_former_program_is_left_alone(tmp_path):
    stranger = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    (tmp_path / "up.lock").write_text(json.dumps({"children": [{"pid": stranger.pid, "created": 1.0}]}))
    try:
        with hold_folder(tmp_path):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_cut_short_by_a_kill_is_no_obstacle(tmp_path):
    (tmp_path / "up.lock").write_text('{"children": [{"pid": 1')
    with hold_folder(tmp_path):
        pass


def test_a_program_that_does_nothing_is_replaced_but_not_one_that_has_just_begun(journal):
    said, replaced = [], []

    def look():
        started = journal.read_text().count("workers started")
        if started == 1 and not replaced:
            replaced.extend([supervisor.replace("workers", older_than_s=600), supervisor.replace("workers")])
        if started == 2:
            supervisor.ask_to_stop()

    supervisor = Supervisor([program("workers", STEADY, journal)], said.append, checks=[Check(look, every_s=0.05)])
    supervisor.run()
    assert replaced == [False, True]
    assert [line.split()[1] for line in journal.read_text().splitlines()] == [
        "started",
        "stopped",
        "started",
        "stopped",
    ]
    assert "Replacing workers: it lives and does nothing." in said
