// ends: compile timeout, out of memory
// because: overloads are tried one within another
// limits: compile_seconds=6 run_seconds=2

using System;
class P {
    static void M(Action<int> f) {}  static void M(Action<string> f) {}  static void M(Action<double> f) {}
    static int F(Func<int, int> f) { return 0; }  static string F(Func<string, string> f) { return ""; }
    static double F(Func<double, double> f) { return 0; }
    static void Main() {
        M(a => F(v21 => F(v20 => F(v19 => F(v18 => F(v17 => F(v16 => F(v15 => F(v14 => F(v13 =>
            F(v12 => F(v11 => F(v10 => F(v9 => F(v8 => F(v7 => F(v6 => F(v5 => F(v4 => F(v3 => F(v2
            => F(v1 => F(v0 => v0 + v3)))))))))))))))))))))));
    }
}
