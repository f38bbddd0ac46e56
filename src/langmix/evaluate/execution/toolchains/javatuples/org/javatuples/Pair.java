package org.javatuples;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** A tuple of two values. */
public final class Pair<A, B> extends Tuple {
    private static final long serialVersionUID = 1L;

    private final A value0;
    private final B value1;

    public Pair(A value0, B value1) {
        super(value0, value1);
        this.value0 = value0;
        this.value1 = value1;
    }

    public static <A, B> Pair<A, B> with(A value0, B value1) {
        return new Pair<>(value0, value1);
    }

    public static <X> Pair<X, X> fromArray(X[] array) {
        List<X> values = exactly(2, Arrays.asList(array));
        return with(values.get(0), values.get(1));
    }

    public static <X> Pair<X, X> fromCollection(Collection<X> collection) {
        List<X> values = exactly(2, collection);
        return with(values.get(0), values.get(1));
    }

    public static <X> Pair<X, X> fromIterable(Iterable<X> iterable) {
        List<X> values = exactly(2, iterable);
        return with(values.get(0), values.get(1));
    }

    @Override
    public int getSize() {
        return 2;
    }

    public A getValue0() {
        return value0;
    }

    public B getValue1() {
        return value1;
    }

    public <X> Pair<X, B> setAt0(X value) {
        return new Pair<>(value, value1);
    }

    public <X> Pair<A, X> setAt1(X value) {
        return new Pair<>(value0, value);
    }
}
