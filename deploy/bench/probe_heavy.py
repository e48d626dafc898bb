"""probe.py with the imports of a script that trains with transformers and DeepSpeed."""

import deepspeed  # noqa: F401
from transformers import Trainer  # noqa: F401

import probe  # noqa: F401, I001  its import runs it, and comes last
