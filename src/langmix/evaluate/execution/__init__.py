"""Programs that models wrote, run in a sandbox and judged."""

from langmix.evaluate.execution._execute import Judged, execute, multipl_e, passed_by_problem
from langmix.evaluate.execution._harness import Harness, Verdict
from langmix.evaluate.execution._pass_at_k import PassAtK, estimate, pass_at_k
from langmix.evaluate.execution._problems import Problem, Sample, read_problems, read_samples
from langmix.evaluate.execution._sandbox import Limits, Sandbox, SandboxError, Steps
from langmix.evaluate.execution._status import MULTIPL_E, Status
from langmix.evaluate.execution.toolchains import PROFILES, TOOLCHAINS, Profile, Toolchain, Tools

__all__ = [
    "MULTIPL_E",
    "PROFILES",
    "TOOLCHAINS",
    "Harness",
    "Judged",
    "Limits",
    "PassAtK",
    "Problem",
    "Profile",
    "Sample",
    "Sandbox",
    "SandboxError",
    "Status",
    "Steps",
    "Toolchain",
    "Tools",
    "Verdict",
    "estimate",
    "execute",
    "multipl_e",
    "pass_at_k",
    "passed_by_problem",
    "read_problems",
    "read_samples",
]
