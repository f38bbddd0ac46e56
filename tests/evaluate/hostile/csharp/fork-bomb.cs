// ends: run timeout, out of memory, crash
// because: mono's own threads may be refused
// limits: run_seconds=2

using System; using System.Runtime.InteropServices;
class P {
    [DllImport("libc")] static extern int fork();
    [DllImport("libc")] static extern int usleep(uint us);
    static void Main() { while (true) { if (fork() < 0) usleep(1000); } }
}
