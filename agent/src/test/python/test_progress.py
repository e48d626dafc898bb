"""Tests how step and loss are read out of output."""

from __future__ import annotations

import pytest

from lockstep_shim import progress
from lockstep_shim.progress import Progress, ProgressReader

T = 1_000.0


def bar(step: int, total: int, elapsed: str = "00:12", *, name: str = "", end: str = "") -> bytes:
    percent = 100 * step // total
    return f"\r{name}{percent:3d}%|{'█' * (percent // 10)}| {step}/{total} [{elapsed}<03:45,  3.01s/it]{end}".encode()


def read(*pieces: bytes | tuple[bytes, float]) -> Progress:
    reader = ProgressReader()
    for piece in pieces:
        data, now = piece if isinstance(piece, tuple) else (piece, T)
        reader.feed(data, now)
    reader.settle()
    return reader.progress


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (b"", Progress()),
        ("  5%|▌         | 4/79 [00:12<03:45,  3.01s/it]".encode(), Progress(4, 79)),
        (b"\r  0%|          | 0/79 [00:00<?, ?it/s]\r", Progress(0, 79)),
        (b" 51%|#####     | 40/79 [1:02:03<03:45,  3.01s/it]\n", Progress(40, 79)),
        ("Map:  10%|█         | 10/100 [00:01<00:09, 10.00 examples/s]\n".encode(), Progress()),
        (b"Loading weights: 100%|##########| 311/311 [00:00<00:00, 3.0it/s]\n", Progress()),
        (b"{'loss': 2.34, 'grad_norm': 1.5, 'epoch': 0.1}\n", Progress(loss=2.34)),
        (b"{'loss': '2.34', 'grad_norm': '1.5', 'epoch': '0.1'}\n", Progress(loss=2.34)),
        (b"{'eval_loss': 5.99, 'eval_runtime': 1.2}\n", Progress(eval_loss=5.99)),
        (b"{'eval_loss': '5.992', 'epoch': '1'}\n", Progress(eval_loss=5.992)),
        (b"{'train_runtime': 12.0, 'train_loss': 3.1}\n", Progress()),
        (b"{'loss': nan, 'epoch': 0.1}\n", Progress()),
        (b"{'loss': '1e-05'}\n", Progress(loss=1e-05)),
        (b"step=12 loss=0.53\n", Progress(12, None, 0.53)),
        (b"step 12/100\n", Progress(12, 100)),
        (b"[rank0] Step: 12/100 Loss: 1.25e-1\n", Progress(12, 100, 0.125)),
        (b"global_step: 7, loss: 3\n", Progress(7, None, 3.0)),
        (b"epoch 1 | step 3 / 10 | loss 2\n", Progress(3, 10)),
        (b"eval step 9/10 loss=0.1\n", Progress()),
        (b"val_loss=0.25 step=4\n", Progress(eval_loss=0.25)),
        (b"Total optimization steps = 79\nContinuing training from global step 5\n", Progress()),
        (b"timestep=12.5 misstep=3\n", Progress()),
        (b"step 12/10\n", Progress()),
        (b"step=5\nstep=3\nstep=9\n", Progress(9)),
        (b"step 5/10\nstep 8/20\nstep 6\nstep 7/10\n", Progress(7, 10)),
        (b"\xff\xfe step=3 \xf0\n", Progress(3)),
        (b"\x1b[32mstep=3\x1b[0m loss=1\n", Progress(3, None, 1.0)),
    ],
)
def test_one_output(output: bytes, expected: Progress) -> None:
    assert read(output) == expected


def test_the_first_bare_bar_gives_the_total_and_others_are_not_believed() -> None:
    assert read(bar(0, 79, "00:00"), bar(5, 8), bar(3, 79), bar(8, 8)) == Progress(3, 79)


def test_the_step_jumps_after_a_resume() -> None:
    assert read(bar(0, 79, "00:00"), (bar(41, 79, "00:03"), T + 3)) == Progress(41, 79)


def test_the_step_never_goes_back() -> None:
    assert read(bar(5, 79), bar(4, 79), bar(0, 79)) == Progress(5, 79)


def test_an_eval_bar_of_the_same_total_below_the_training_bar_is_not_training() -> None:
    below = [b"\n" + bar(n, 79, "00:00", end="\x1b[A") for n in range(80)]
    assert read(bar(3, 79, "00:00"), *below, bar(4, 79, "00:01")) == Progress(4, 79)


def test_an_eval_bar_is_recognised_though_its_cursor_movement_comes_later() -> None:
    assert read(bar(3, 79, "00:00"), b"\n" + bar(50, 79, "00:00"), b"\x1b[A", bar(4, 79, "00:01")) == Progress(4, 79)


def test_an_eval_bar_of_the_same_total_that_began_later_is_not_training() -> None:
    # given training at step 20 after 60 s, when an eval bar of as many steps runs from 60 s on for 200 s
    training = [(bar(n, 79, f"00:{3 * n:02d}"), T + 3 * n) for n in range(20)]
    evaluation = [(bar(n, 79, f"{n * 3 // 60:02d}:{n * 3 % 60:02d}"), T + 60 + n * 3) for n in range(80)]
    # then the step stays, until the training bar itself goes on
    assert read(*training, *evaluation) == Progress(19, 79)
    assert read(*training, *evaluation, (bar(20, 79, "05:00"), T + 300)) == Progress(20, 79)


def test_a_bar_read_late_does_not_lock_later_ones_out() -> None:
    # given the first bar was read 10 s late, then the next in time still count, and an eval bar does not
    late, in_time = (bar(0, 79, "00:00"), T + 10), (bar(6, 79, "00:12"), T + 12)
    assert read(late, in_time, (bar(40, 79, "00:01"), T + 20)) == Progress(6, 79)


def test_bytes_may_come_one_by_one() -> None:
    whole = bar(0, 79, "00:00") + b"\n{'loss': 2.5}\n" + bar(7, 79, "00:05") + b"\n"
    assert read(*[(whole[i : i + 1], T + 5) for i in range(len(whole))]) == Progress(7, 79, 2.5)


def test_a_flood_is_read_at_its_end_and_a_line_without_end_is_forgotten() -> None:
    assert read(b"x" * 300_000 + b"\nstep=4\n", b"y" * 20_000, b"step=99\n", b"step=5\n") == Progress(5)


def test_text_steps_beside_a_bar_do_not_count() -> None:
    assert read(bar(5, 79), b"\nmicro step=40 loss=1.5\n", bar(6, 79)) == Progress(6, 79, 1.5)


def test_an_own_pattern_never_raises_and_reads_the_head_of_a_line_only() -> None:
    reader = ProgressReader(r"it (\S+)")
    reader.feed(b"it 7\n", 0.0)
    for text in ("it \u00b2\n", f"it {'9' * 5_000}\n", f"{' ' * progress.MAX_OWN_CHARACTERS}it 8\n"):
        reader.feed(text.encode(), 0.0)
    assert reader.progress.step == 7


def test_a_slow_pattern_of_ones_own_is_dropped_and_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "OWN_LIMIT_SECONDS", -1.0)  # any search is too slow
    reader = ProgressReader(r"it (\d+)")
    reader.feed(b"it 7\nit 8\nstep 9/10\n", 0.0)
    assert reader.progress.step == 7
    assert capsys.readouterr().err.count("progress.step is not used any more") == 1
