"""All tests run on one thread and none against the clock, so that results do not depend on the machine."""

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("whatever the machine does", deadline=None)
settings.load_profile("whatever the machine does")
