"""The tuples that programs of Java import behave as their library's documentation says."""

from __future__ import annotations

import shutil

import pytest

from langmix.evaluate.execution._harness import Harness
from langmix.evaluate.execution._status import Status

PROGRAM = """
import java.util.*;
import org.javatuples.*;

class Problem {
    static void refused(Runnable asked) {
        try {
            asked.run();
        } catch (IllegalArgumentException | UnsupportedOperationException error) {
            return;
        }
        assert false;
    }

    public static void main(String[] args) {
        Pair<Long, String> pair = Pair.with(1L, "b");
        assert pair.toString().equals("[1, b]");
        assert pair.equals(new Pair<>(1L, "b")) && pair.hashCode() == Pair.with(1L, "b").hashCode();
        assert !pair.equals(Pair.with(1, "b")) && !pair.equals(Arrays.asList(1L, "b"));
        assert pair.getValue0() == 1L && pair.getValue1().length() == 1 && pair.getValue(1).equals("b");
        assert pair.setAt0("a").equals(Pair.with("a", "b")) && pair.setAt1(2).getValue1() + 1 == 3;
        assert pair.getValue0() == 1L;
        assert pair.compareTo(Pair.with(1L, "c")) < 0 && pair.compareTo(Pair.with(0L, "c")) > 0;
        assert pair.compareTo(Triplet.with(1L, "b", 0)) < 0 && pair.compareTo(pair) == 0;
        assert pair.contains("b") && !pair.contains("c") && pair.containsAll("b", 1L);
        assert pair.indexOf("b") == 1 && pair.indexOf("c") == -1 && pair.getSize() == 2;
        assert pair.toList().equals(List.of(1L, "b"));
        List<Object> values = new ArrayList<>();
        for (Object value : pair) {
            values.add(value);
        }
        assert values.equals(pair.toList());
        assert new TreeSet<>(List.of(Pair.with(2, "a"), Pair.with(1, "b"))).first().getValue0() == 1;
        assert new HashSet<>(List.of(pair)).contains(Pair.with(1L, "b"));
        assert Pair.fromArray(new Integer[] {1, 2}).equals(Pair.with(1, 2));
        assert Triplet.fromCollection(List.of(1, 2, 3)).getValue2() == 3;
        assert Unit.with(null).toString().equals("[null]") && Unit.with(new Integer[] {1, 2}).getSize() == 1;
        assert Quartet.with(1, 2, 3, 4).getValue3() == 4 && Quintet.with(1, 2, 3, 4, 5).getValue4() == 5;
        refused(() -> Pair.fromCollection(List.of(1)));
        refused(() -> pair.getValue(2));
        refused(() -> pair.toList().set(0, 2L));
    }
}
"""


@pytest.mark.conformance
def test_tuples_of_java() -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Harness(["java"], workers=1) as harness:
        if harness.missing:
            pytest.skip(f"not installed: {harness.missing['java']}")
        found = harness.judge("java", PROGRAM)
    assert found.status == Status.PASSED, found.ended.compiler + found.ended.err
