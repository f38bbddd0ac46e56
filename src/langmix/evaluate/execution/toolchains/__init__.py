"""How programs of each language are compiled and run, and with what.

`multiple` follows the commands of MultiPL-E's harness (Cassano et al. 2022, arXiv 2208.08227): TypeScript
to esnext, not strict, type-checked; Rust of 2015; Go with the vet of `go test`; C# by Roslyn, on mono, with
DEBUG; Java with assertions. `modern` differs where toolchains have other defaults today: TypeScript strict,
Rust of 2021.
"""

from typing import Final

from langmix.evaluate.execution.toolchains._csharp import CSHARP
from langmix.evaluate.execution.toolchains._go import GO
from langmix.evaluate.execution.toolchains._java import JAVA
from langmix.evaluate.execution.toolchains._javascript import JAVASCRIPT
from langmix.evaluate.execution.toolchains._python import PYTHON
from langmix.evaluate.execution.toolchains._rust import RUST
from langmix.evaluate.execution.toolchains._toolchain import PROFILES, Profile, Toolchain, Tools
from langmix.evaluate.execution.toolchains._typescript import TYPESCRIPT

TOOLCHAINS: Final = {each.language: each for each in (PYTHON, JAVA, JAVASCRIPT, TYPESCRIPT, CSHARP, GO, RUST)}
"""By language."""

__all__ = ["PROFILES", "TOOLCHAINS", "Profile", "Toolchain", "Tools"]
