// ends: crash
// because: it kills itself

using System; using System.Runtime.InteropServices; using System.Threading;
class P {
    [DllImport("libc")] static extern int kill(int pid, int number);
    static void Main() {
        Console.WriteLine(kill(-1, 9) + " " + kill(1, 9));
        Console.WriteLine("alive");
        kill(0, 9);
        Thread.Sleep(60000);
    }
}
