from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import shutil
import tarfile
import textwrap
from pathlib import Path

import pytest

from langmix.corpus._debian import apt_sources, source_entries
from langmix.corpus._packages import ClientMissingError, DownloadError, Package, fetch_package
from langmix.corpus.pairing import ALIGNED, Item, read_items
from langmix.corpus.pairing._snowball import BuildError, algorithms, align, read_snowball, routines
from langmix.errors import InputError
from terminal import langmix

LANGUAGES = ("csharp", "go", "java", "javascript", "python", "rust")

SOURCES = {
    "csharp": """\
namespace Snowball
{
    public partial class TinyStemmer : Stemmer
    {
        private int I_p;

        private static readonly Among[] a_0 = new[]
        {
            new Among("}", -1, 1)
        };

        private bool r_braces()
        {
            if (!(eq_s("}")))
            {
                goto lab0;
            }
            slice_from("{{");
        lab0: ;
            return c != '}';
        }

        protected override bool stem()
        {
            {
                int c1 = cursor;
                r_braces();
            }
            return true;
        }

    }
}

""",
    "go": """\
package tiny

var A_0 = []*snowballRuntime.Among{
    &snowballRuntime.Among{Str:"}", A:-1, B:1, F:nil},
}

type Context struct {
    i_p int
}

func r_braces(env *snowballRuntime.Env, ctx interface{}) bool {
    lab0: for {
        if !env.EqS("}") {
            break lab0
        }
        env.SliceFrom("{{")
    }
    return c != '}'
}

func Stem(env *snowballRuntime.Env) bool {
    var context =  &Context {
        i_p: 0,
    }
    r_braces(env, context)
    return true
}
""",
    "java": """\
public class tinyStemmer extends org.tartarus.snowball.SnowballStemmer {

private final static Among a_0[] = {
    new Among("}", -1, 1)
};

public boolean r_braces() {
    lab0: {
        if (!(eq_s("}")))
        {
            break lab0;
        }
        slice_from("{{");
    }
    return c != '}';
}

public boolean stem() {
    r_braces();
    return true;
}

@Override
public boolean equals( Object o ) {
    return o instanceof tinyStemmer;
}

}
""",
    "javascript": """\
TinyStemmer = function() {
    var base = new BaseStemmer();
    /** @const */ var a_0 = [
        ["}", -1, 1]
    ];


    /** @return {boolean} */
    function r_braces() {
        lab0: {
            if (!(base.eq_s("}")))
            {
                break lab0;
            }
            base.slice_from("{{");
        }
        return true;
    };

    this.stem = /** @return {boolean} */ function() {
        r_braces();
        return true;
    };

    /**@return{string}*/
    this['stemWord'] = function(/**string*/word) {
        this.stem();
    };
};
""",
    "python": """\
class TinyStemmer(BaseStemmer):
    a_0 = [
        Among(u"}", -1, 1)
    ]

    I_p = 0

    def __r_braces(self):
        try:
            if not self.eq_s(u"}"):
                raise lab0()

            if not self.slice_from(u"{{"):
                return False
        except lab0: pass
        return True

    def _stem(self):
        self.__r_braces()
        return True


class lab0(BaseException): pass
""",
    "rust": """\
static A_0: &'static [Among<Context>; 1] = &[
    Among("}", -1, 1, None),
];

fn r_braces(env: &mut SnowballEnv, context: &mut Context) -> bool {
    'lab0: loop {
        if !env.eq_s(&"}") {
            break 'lab0;
        }
        env.slice_from("{{");
    }
    return c != '}';
}

pub fn stem(env: &mut SnowballEnv) -> bool {
    let mut context = &mut Context {
        i_p: 0,
    };
    r_braces(env, context);
    return true;
}
""",
}

BEGINS = {
    "csharp": (r"private bool NAME\(\)\n\{\n", r"protected override bool stem\(\)\n\{\n"),
    "go": (
        r"func NAME\(env \*snowballRuntime\.Env, ctx interface\{\}\) bool \{\n",
        r"func Stem\(env \*snowballRuntime\.Env\) bool \{\n",
    ),
    "java": (r"(private|public) boolean NAME\(\) \{\n", r"public boolean stem\(\) \{\n"),
    "javascript": (
        r"/\*\* @return \{boolean\} \*/\nfunction NAME\(\) \{\n",
        r"this\.stem = /\*\* @return \{boolean\} \*/ function\(\) \{\n",
    ),
    "python": (r"def __NAME\(self\):\n", r"def _stem\(self\):\n"),
    "rust": (
        r"fn NAME\(env: &mut SnowballEnv, context: &mut Context\) -> bool \{\n",
        r"pub fn stem\(env: &mut SnowballEnv\) -> bool \{\n",
    ),
}
INDENTED = {"csharp": 8, "javascript": 4, "python": 4}


def indented(language: str, text: str) -> str:
    return textwrap.indent(text, " " * INDENTED.get(language, 0))


def check_shape(language: str, name: str, text: str) -> None:
    """A text is one routine, whole: its header, and its own end."""
    internal, exported = BEGINS[language]
    begin = internal.replace("NAME", name) if name.startswith("r_") else exported
    assert re.match(begin, text), text
    if language == "python":
        (definition,) = ast.parse(text).body
        assert isinstance(definition, ast.FunctionDef)
        return
    assert text.splitlines()[-1] == ("};" if language == "javascript" else "}")
    # Without what strings and characters hold; Rust's labels have one quote.
    bare = re.sub(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\\n])'", "", text)
    depths = [0]
    for character in re.findall(r"[{}]", bare):
        depths.append(depths[-1] + (1 if character == "{" else -1))
    assert depths[-1] == 0
    assert min(depths) == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_routines_are_cut_out_whole_whatever_their_strings_hold(language: str) -> None:
    found = routines(language, SOURCES[language])
    assert list(found) == ["r_braces", "stem"]
    for name, text in found.items():
        check_shape(language, name, text)
        assert indented(language, text) in SOURCES[language]
    assert "{{" in found["r_braces"]
    for outside in ("a_0", "A_0", "class", "equals", "stemWord", "static"):
        assert outside not in " ".join(found.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_routine_may_end_where_the_file_ends(language: str) -> None:
    found = routines(language, SOURCES[language])
    last = indented(language, found["stem"])
    cut = SOURCES[language].partition(last)[0] + last
    assert routines(language, cut) == found


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "python"])
def test_a_routine_without_an_end_is_told(language: str) -> None:
    source = SOURCES[language]
    text = indented(language, routines(language, source)["r_braces"])
    cut = source.replace(text, text[: text.rindex("\n")])
    with pytest.raises(InputError, match=rf"Snowball's {language}: the routine r_braces does not end"):
        routines(language, cut)
    with pytest.raises(InputError, match="or occurs twice"):
        routines(language, source + source)


def test_a_routine_is_an_item_where_all_languages_have_it() -> None:
    items = align({"tiny": SOURCES})
    assert [item.id for item in items] == ["tiny/r_braces", "tiny/stem"]
    assert all(tuple(item.texts) == LANGUAGES for item in items)
    assert items[0].texts["java"] == routines("java", SOURCES["java"])["r_braces"]
    for language in LANGUAGES:
        lacking = {**SOURCES, language: SOURCES[language].replace("r_braces", "r_other")}
        assert [item.id for item in align({"tiny": lacking})] == ["tiny/stem"]


def test_a_routine_of_the_same_words_is_an_item_once() -> None:
    spaced = {language: source.replace("return true", "return  true") for language, source in SOURCES.items()}
    assert align({"tiny": SOURCES, "again": spaced}) == align({"tiny": SOURCES})
    named = {**SOURCES, "python": SOURCES["python"].replace("eq_s(", "eq_s(TinyStemmer.g_v, ")}
    assert align({"tiny": SOURCES, "again": named}) == align({"tiny": SOURCES})
    other = {language: source.replace('"}"', '"y"') for language, source in SOURCES.items()}
    assert [item.id for item in align({"tiny": SOURCES, "other": other})][2:] == ["other/r_braces"]


def test_the_stemmers_are_those_that_are_listed_for_utf_8() -> None:
    listed = (
        "# name charsets\n\ntiny\tUTF_8,ISO_8859_1  tiny,ti\nold  KOI8_R old\n#no UTF_8 no\nlast UTF_8 la"
    )
    assert algorithms(listed) == ["tiny", "last"]


def archive(folder: Path, members: dict[str, str]) -> Path:
    path = folder / "snowball.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members.items():
            entry = tarfile.TarInfo(f"snowball-1.0/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


TINY = {
    "libstemmer/modules.txt": "tiny UTF_8 tiny\n",
    "algorithms/tiny.sbl": "externals ( stem )\n",
    "compiler/driver.c": "",
}


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_without_a_c_compiler_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClientMissingError, match=r"cc is not installed.*install a C compiler"):
        read_snowball(archive(tmp_path, TINY))


@pytest.mark.parametrize("lacks", TINY)
def test_an_archive_of_something_else_is_refused(tmp_path: Path, lacks: str) -> None:
    others = {name: text for name, text in TINY.items() if name != lacks}
    with pytest.raises(InputError, match="is not an archive of Snowball's sources"):
        read_snowball(archive(tmp_path, {"README": "", **others}))


@pytest.mark.parametrize(
    ("cc", "limit", "told"),
    [
        ("echo driver.c: wrong >&2; exit 1", 60, r"its compiler cannot be built \(driver.c: wrong\)"),
        ("true", 60, r"tiny.sbl cannot be compiled to csharp \(.*No such file"),
        (
            "printf '#!/bin/sh\\necho tiny.sbl:1: wrong >&2; exit 1' > snowball; chmod +x snowball",
            60,
            r"tiny.sbl cannot be compiled to csharp \(tiny.sbl:1: wrong\)",
        ),
        (
            "printf '#!/bin/sh\\nexec sleep 60' > snowball; chmod +x snowball",
            1,
            r"tiny.sbl cannot be compiled to csharp: no end after 1 s",
        ),
    ],
)
def test_a_compiler_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cc: str, limit: int, told: str
) -> None:
    program(tmp_path / "bin", "cc", cc)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("langmix.corpus.pairing._snowball._RUN_SECONDS", limit)
    with pytest.raises(BuildError, match=told):
        read_snowball(archive(tmp_path, TINY))


def test_entries_of_one_line_become_those_of_sources() -> None:
    text = (
        "# deb scheme://commented suite main\n"
        "deb [arch=amd64 signed-by=/keys/a.gpg] scheme://host/debian suite main # ours\n"
        "\n"
        "deb-src scheme://host/other suite main\n"
        "  deb\tscheme://host/other suite main\n"
        "deb scheme://host/other suite main\n"
    )
    assert source_entries("a.list", text) == (
        "deb-src [arch=amd64 signed-by=/keys/a.gpg] scheme://host/debian suite main # ours\n"
        "deb-src scheme://host/other suite main\n"
        "deb-src\tscheme://host/other suite main\n"
    )


def test_stanzas_become_those_of_sources() -> None:
    text = (
        "# a comment\n"
        "Types: deb\n"
        "# scheme://mirror\n"
        "URIs: scheme://host/debian\n"
        "Suites: suite suite-updates\n"
        "Signed-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
        " .\n"
        " key\n"
        "\n"
        "\n"
        "Enabled: no\n"
        "types: deb\n"
        "  deb-src\n"
        "URIs: scheme://host/other\n"
        " \n"
        "URIs: scheme://host/without-types\n"
    )
    assert source_entries("a.sources", text) == (
        "Types: deb-src\n"
        "URIs: scheme://host/debian\n"
        "Suites: suite suite-updates\n"
        "Signed-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n"
        " .\n"
        " key\n"
        "\n"
        "Enabled: no\n"
        "Types: deb-src\n"
        "URIs: scheme://host/other\n"
        "\n"
    )


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of sources, one of which apt would not read, and an empty cache; apt-get is to be written."""
    folder = tmp_path / "apt"
    (folder / "sources.list.d").mkdir(parents=True)
    (folder / "sources.list").write_text("deb scheme://host/a suite main\n")
    (folder / "sources.list.d" / "b.sources").write_text("Types: deb\nURIs: scheme://host/b\n")
    (folder / "sources.list.d" / "c.list.disabled").write_text("deb scheme://host/c suite main\n")
    (folder / "sources.list.d" / "d.list").mkdir()
    monkeypatch.setattr("langmix.corpus._packages._APT", folder)
    monkeypatch.setenv("LANGMIX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return folder


def package(content: bytes) -> Package:
    return Package(
        source="debian",
        name="tiny",
        version="1.0-2",
        file="tiny_1.0.orig.tar.gz",
        sha256=hashlib.sha256(content).hexdigest(),
        licence="MIT",
        languages=("python",),
    )


# An update in which one of the sources fails, and a package that is there all the same.
APT_GET = """
[ "$3" = update ] && { echo "E: The repository 'scheme://host/b' is not signed." >&2; exit 100; }
[ "$*" = "--config-file $2 source --download-only --tar-only tiny=1.0-2" ] || exit 1
cp "$2" "$LANGMIX_CACHE.conf"
cat "$(dirname "$2")"/parts/* > "$LANGMIX_CACHE.entries"
printf archive > tiny_1.0.orig.tar.gz
"""


def test_a_source_package_comes_though_another_source_fails(apt: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "apt-get", APT_GET)
    path = fetch_package(package(b"archive"))
    assert path.read_bytes() == b"archive"
    assert path.parent == tmp_path / "cache" / "packages"
    entries = (tmp_path / "cache.entries").read_text()
    assert entries == "deb-src scheme://host/a suite main\nTypes: deb-src\nURIs: scheme://host/b\n\n"
    configuration = (tmp_path / "cache.conf").read_text()
    for option in ("Dir::Etc::sourcelist", "Dir::Etc::sourceparts", "Dir::State::lists", "Dir::Cache"):
        assert f"\n{option} " in f"\n{configuration}"
    (tmp_path / "bin" / "apt-get").unlink()
    assert fetch_package(package(b"archive")) == path


def test_another_archive_than_the_pinned_one_is_refused(apt: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin", "apt-get", APT_GET)
    with pytest.raises(DownloadError, match=r"debian tiny 1.0-2: the archive .* has sha256 .*; expected"):
        fetch_package(package(b"another archive"))
    assert not list((tmp_path / "cache").rglob("*.t*gz"))


def test_what_apt_says_is_told(apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "apt-get", 'echo "E: Unable to find tiny\nW: other" >&2; exit 100')
    with pytest.raises(DownloadError, match=r"`apt-get source` failed \(.*Unable to find tiny\); check"):
        fetch_package(package(b"archive"))
    (apt / "sources.list").unlink()
    (apt / "sources.list.d" / "b.sources").unlink()
    assert apt_sources(apt) == {}
    with pytest.raises(DownloadError, match="apt has no sources in"):
        fetch_package(package(b"archive"))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ClientMissingError, match=r"apt-get is not installed; install apt"):
        fetch_package(package(b"archive"))


def words(item: Item, language: str) -> str:
    return " ".join(re.findall(r"\w+", item.texts[language]))


@pytest.mark.network
def test_the_snowball_corpus_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("apt-get", "cc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    monkeypatch.setenv("LANGMIX_CACHE", str(tmp_path / "cache"))
    done = langmix("aligned", "snowball", "items.jsonl", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["items"] == 303
    assert tuple(told["languages"]) == LANGUAGES == ALIGNED["snowball"].package.languages
    items = read_items(tmp_path / "items.jsonl")
    assert len(items) == 303
    for item in items:
        assert set(item.texts) == set(LANGUAGES)
        for language, text in item.texts.items():
            check_shape(language, item.id.partition("/")[2], text)
    for language in LANGUAGES:
        assert len({words(item, language) for item in items}) == 303
