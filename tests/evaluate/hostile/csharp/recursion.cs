// ends: crash, out of memory
// because: the stack overflows

class P { static int F(int n) { return F(n + 1) + 1; } static void Main() { F(0); } }
