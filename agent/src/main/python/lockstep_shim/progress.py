"""Owns reading step and loss out of training output as it is."""

from __future__ import annotations

import math
import re
import sys
import time
from dataclasses import dataclass

MAX_SEGMENT_BYTES = 8_192
MAX_PARSED_BYTES_PER_READ = 64 << 10
BAR_START_TOLERANCE_SECONDS = 1.5
# A job's own pattern runs in the loop that renews the lease, and a pattern may take exponential time.
MAX_OWN_CHARACTERS = 500
OWN_LIMIT_SECONDS = 0.05
MAX_OWN_DIGITS = 18

_SEPARATOR = re.compile(rb"[\r\n]")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CURSOR_UP = "\x1b[A"
_ANY_BAR = re.compile(r"\d{1,3}%\|[^|]*\|\s*([\d.]+[kMGT]?)/([\d.]+[kMGT]?) \[")
_BARE_BAR = re.compile(r"\s*\d{1,3}%\|[^|]*\|\s*(\d+)/(\d+) \[((?:\d+:)?\d+:\d\d)<[^\]]*\]\s*\Z")
_NUMBER = r"([-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|nan|inf(?:inity)?))"
_DICT_LOSS = re.compile(rf"""['"]loss['"]\s*:\s*['"]?{_NUMBER}""", re.IGNORECASE)
_DICT_EVAL_LOSS = re.compile(rf"""['"]eval_loss['"]\s*:\s*['"]?{_NUMBER}""", re.IGNORECASE)
_TEXT_LOSS = re.compile(rf"(?<![\w'\"])loss\s*[:=]\s*{_NUMBER}", re.IGNORECASE)
_TEXT_EVAL = re.compile(r"(?<![A-Za-z])(?:eval|evaluation|val|valid|validation|test)(?![A-Za-z])", re.IGNORECASE)
_TEXT_EVAL_LOSS = re.compile(rf"(?<![\w'\"])(?:eval|val|validation)[_ ]loss\s*[:=]\s*{_NUMBER}", re.IGNORECASE)
_TEXT_STEP = re.compile(
    r"(?<![A-Za-z])(?:global[_ ])?step\s*(?:[:=]\s*(\d+)(?:\s*/\s*(\d+))?|(\d+)\s*/\s*(\d+))(?![\d.])", re.IGNORECASE
)


@dataclass(frozen=True)
class Progress:
    """How far the training of this attempt is, as far as its output has said."""

    step: int | None = None
    total_steps: int | None = None
    loss: float | None = None
    eval_loss: float | None = None


class ProgressReader:
    """Follows one rank's output. Time comes in as an argument (wall clock, the clock of the bars themselves).

    RATIONALE, bars. HF Trainer's training bar, its eval bar and anybody's loop look alike. The first bare bar (one
    without a description) is the training bar, and gives the total. A later bar is believed only if all of these hold:
    it has the same total; it is not drawn below another bar (tqdm moves the cursor up after such a one, so the eval
    bar inside training is out); its step does not go back; and it *began* no later than the training bar: the moment
    of arrival less the elapsed time that the bar prints. An eval bar begins later than the training bar, whatever its
    total, and a delay in reading only makes a bar seem to begin later: so a bar that seems to have begun earlier moves
    the mark back. After a resume the bar goes from 0 to the resumed step in one jump, which is believed.

    RATIONALE, text. `step=12`, `step 12/100` count for scripts without a bar. The first kind of step seen is the only
    one used, since a script may number micro-steps in text beside a bar. Steps never go back within an attempt.
    """

    def __init__(self, step_pattern: str | None = None) -> None:
        """With a pattern of the job's own, only that names steps: group 1 the step, group 2 the total."""
        self.progress = Progress()
        self.moves = 0  # grows with all that shows life: a step, any bar that goes on, a loss
        self.saw_eval = False
        self._own_step = re.compile(step_pattern) if step_pattern else None
        self._own_is_slow = False  # then nothing else names steps: it would count differently
        self._last_bar: tuple[str, str] | None = None
        self._source: str | None = None
        self._bar_began: float | None = None
        self._pending = b""
        self._pending_at = 0.0
        self._skipping = False

    @property
    def has_pending(self) -> bool:
        """Whether an unfinished piece waits for settle()."""
        return bool(self._pending)

    def feed(self, data: bytes, now: float) -> bool:
        """Takes output as it comes; True when progress changed. Of a flood only the end is read."""
        if len(data) > MAX_PARSED_BYTES_PER_READ:
            data = data[-MAX_PARSED_BYTES_PER_READ:]
            self._pending, self._skipping = b"", True
        before = self.progress
        pieces = _SEPARATOR.split(data)
        if len(pieces) > 1:
            if self._skipping:
                self._skipping = False
            else:
                self._take(self._pending + pieces[0], self._pending_at if self._pending else now)
            for piece in pieces[1:-1]:
                self._take(piece, now)
            self._pending, self._pending_at = pieces[-1], now
        elif not self._skipping:
            if not self._pending:
                self._pending_at = now
            self._pending += data
        if len(self._pending) > MAX_SEGMENT_BYTES:
            self._pending, self._skipping = b"", True
        return self.progress != before

    def settle(self) -> bool:
        """Reads the last piece although nothing follows it yet: tqdm ends a bar only when it draws the next one.

        To be called after a moment of silence, since what follows may show that the bar was drawn below another.
        """
        before = self.progress
        piece, self._pending = self._pending, b""
        if piece:
            self._take(piece, self._pending_at)
            self._skipping = True  # the rest of this piece, should it come
        return self.progress != before

    def _take(self, piece: bytes, at: float) -> None:
        if not piece or len(piece) > MAX_SEGMENT_BYTES:
            return
        if self._own_step is None and not _may_tell(piece):
            return
        before = self.progress
        self._take_text_or_bar(piece.decode("utf-8", "replace"), at)
        if self.progress != before:
            self.moves += 1

    def _take_text_or_bar(self, text: str, at: float) -> None:
        plain = _ANSI.sub("", text)
        self._look_at_bar(plain)
        if self._own_step is not None:
            self._take_own(plain)
            return
        if self._own_is_slow:
            return
        bar = _BARE_BAR.match(plain)
        if bar:
            if not text.rstrip().endswith(_CURSOR_UP):
                self._take_bar(int(bar[1]), int(bar[2]), at - _seconds(bar[3]))
        elif "%|" not in plain:
            self._take_text(plain)

    def _look_at_bar(self, plain: str) -> None:
        """Any bar whose count changes moves; one beside the training bar is an evaluation's, or looks like one."""
        found = _ANY_BAR.search(plain)
        if found is None or (found[1], found[2]) == self._last_bar:
            return
        self._last_bar = (found[1], found[2])
        self.moves += 1
        total = self.progress.total_steps
        if self._source == "bar" and total is not None and found[2] != str(total):
            self.saw_eval = True

    def _take_own(self, plain: str) -> None:
        assert self._own_step is not None
        began = time.perf_counter()
        found = self._own_step.search(plain[:MAX_OWN_CHARACTERS])
        took = time.perf_counter() - began
        if took > OWN_LIMIT_SECONDS:
            self._own_step, self._own_is_slow = None, True
            print(
                f"progress.step is not used any more: it took {took:.2f} s for one line; write it without nested"
                " repetition",
                file=sys.stderr,
                flush=True,
            )
        loss = _DICT_LOSS.search(plain) or _TEXT_LOSS.search(plain)
        if loss and not _TEXT_EVAL.search(plain):
            self._set(loss=_finite(loss[1]))
        if found is None:
            return
        groups = found.groups()
        step = _own_number(groups[0]) if groups else None
        if step is not None:
            total = _own_number(groups[1]) if len(groups) > 1 else None
            self._advance(step, self.progress.total_steps if total is None else total)

    def _take_bar(self, step: int, total: int, began: float) -> None:
        if step > total or total == 0 or self._source == "text":
            return
        if self._source is None:
            self._source, self._bar_began = "bar", began
        else:
            training_began = began if self._bar_began is None else self._bar_began
            if total != self.progress.total_steps or began > training_began + BAR_START_TOLERANCE_SECONDS:
                return
            self._bar_began = min(training_began, began)
        self._advance(step, total)

    def _take_text(self, text: str) -> None:
        is_record = text.lstrip().startswith("{")
        if is_record:
            loss, eval_loss = _DICT_LOSS.search(text), _DICT_EVAL_LOSS.search(text)
        else:
            eval_loss = _TEXT_EVAL_LOSS.search(text)
            loss = None if _TEXT_EVAL.search(text.replace("_", " ")) else _TEXT_LOSS.search(text)
        if loss:
            self._set(loss=_finite(loss[1]))
        if eval_loss:
            self.saw_eval = True
            self.moves += 1  # the same loss twice is a sign all the same
            self._set(eval_loss=_finite(eval_loss[1]))
        if is_record or self._source == "bar" or _TEXT_EVAL.search(text.replace("_", " ")):
            return
        found = _TEXT_STEP.search(text)
        if found:
            total = found[2] or found[4]
            self._take_text_step(int(found[1] or found[3]), int(total) if total else None)

    def _take_text_step(self, step: int, total: int | None) -> None:
        known = self.progress.total_steps
        if total is not None and (step > total or (known is not None and total != known)):
            return
        if known is not None and step > known:
            return
        self._source = "text"
        self._advance(step, known if total is None else total)

    def _advance(self, step: int, total: int | None) -> None:
        if self.progress.step is None or step >= self.progress.step:
            self.progress = Progress(step, total, self.progress.loss, self.progress.eval_loss)

    def _set(self, **values: float | None) -> None:
        now = self.progress
        self.progress = Progress(
            now.step, now.total_steps, values.get("loss", now.loss), values.get("eval_loss", now.eval_loss)
        )


def _may_tell(piece: bytes) -> bool:
    low = piece.lower()
    return b"%|" in piece or b"step" in low or b"loss" in low


def _own_number(text: str | None) -> int | None:
    is_number = text is not None and text.isdecimal() and len(text) <= MAX_OWN_DIGITS
    return int(text) if text is not None and is_number else None


def _seconds(elapsed: str) -> float:
    total = 0
    for part in elapsed.split(":"):
        total = total * 60 + int(part)
    return float(total)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None
