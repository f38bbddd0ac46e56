// ends: compile timeout, out of memory
// because: the bodies are looked at again and again, one within another
// limits: compile_seconds=6 run_seconds=2

import java.util.function.Function;
public class Problem {
    static <A, B> B f(Function<A, B> g, A a) { return null; }
    public static void main(String[] args) {
        Object x = f(v17 -> { return f(v16 -> { return f(v15 -> { return f(v14 -> { return f(v13 ->
            { return f(v12 -> { return f(v11 -> { return f(v10 -> { return f(v9 -> { return f(v8 ->
            { return f(v7 -> { return f(v6 -> { return f(v5 -> { return f(v4 -> { return f(v3 -> {
            return f(v2 -> { return f(v1 -> { return f(v0 -> { return 1; }, 1); }, 1); }, 1); }, 1);
            }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); }, 1); },
            1); }, 1);
    }
}
