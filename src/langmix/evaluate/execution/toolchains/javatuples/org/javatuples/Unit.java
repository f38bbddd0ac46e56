package org.javatuples;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** A tuple of one value. */
public final class Unit<A> extends Tuple {
    private static final long serialVersionUID = 1L;

    private final A value0;

    public Unit(A value0) {
        super(new Object[] {value0});
        this.value0 = value0;
    }

    public static <A> Unit<A> with(A value0) {
        return new Unit<>(value0);
    }

    public static <X> Unit<X> fromArray(X[] array) {
        List<X> values = exactly(1, Arrays.asList(array));
        return with(values.get(0));
    }

    public static <X> Unit<X> fromCollection(Collection<X> collection) {
        List<X> values = exactly(1, collection);
        return with(values.get(0));
    }

    public static <X> Unit<X> fromIterable(Iterable<X> iterable) {
        List<X> values = exactly(1, iterable);
        return with(values.get(0));
    }

    @Override
    public int getSize() {
        return 1;
    }

    public A getValue0() {
        return value0;
    }

    public <X> Unit<X> setAt0(X value) {
        return new Unit<>(value);
    }
}
