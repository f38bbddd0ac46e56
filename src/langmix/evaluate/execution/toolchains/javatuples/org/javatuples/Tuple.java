package org.javatuples;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;

/** What programs of MultiPL-E use of the library of this name: immutable tuples, written anew. */
public abstract class Tuple implements Iterable<Object>, Serializable, Comparable<Tuple> {
    private static final long serialVersionUID = 1L;

    private final Object[] values;

    protected Tuple(Object... values) {
        this.values = values;
    }

    public abstract int getSize();

    public final Object getValue(int position) {
        if (position < 0 || position >= values.length) {
            throw new IllegalArgumentException(
                    "no position " + position + " in a tuple of " + values.length);
        }
        return values[position];
    }

    public final List<Object> toList() {
        return Collections.unmodifiableList(Arrays.asList(values));
    }

    public final Object[] toArray() {
        return values.clone();
    }

    @Override
    public final Iterator<Object> iterator() {
        return toList().iterator();
    }

    public final boolean contains(Object value) {
        return toList().contains(value);
    }

    public final boolean containsAll(Collection<?> collection) {
        return toList().containsAll(collection);
    }

    public final boolean containsAll(Object... some) {
        return toList().containsAll(Arrays.asList(some));
    }

    public final int indexOf(Object value) {
        return toList().indexOf(value);
    }

    public final int lastIndexOf(Object value) {
        return toList().lastIndexOf(value);
    }

    @Override
    @SuppressWarnings("unchecked")
    public int compareTo(Tuple other) {
        for (int i = 0; i < Math.min(values.length, other.values.length); i++) {
            int order = ((Comparable<Object>) values[i]).compareTo(other.values[i]);
            if (order != 0) {
                return order;
            }
        }
        return Integer.compare(values.length, other.values.length);
    }

    @Override
    public final boolean equals(Object other) {
        return other != null
                && getClass() == other.getClass()
                && Arrays.equals(values, ((Tuple) other).values);
    }

    @Override
    public final int hashCode() {
        return 31 + Arrays.hashCode(values);
    }

    @Override
    public final String toString() {
        return Arrays.toString(values);
    }

    /** Exactly so many values, in their order. */
    static <X> List<X> exactly(int size, Iterable<X> from) {
        List<X> found = new ArrayList<>();
        from.forEach(found::add);
        if (found.size() != size) {
            throw new IllegalArgumentException("expected " + size + " values, got " + found.size());
        }
        return found;
    }
}
