// ends: passed
// because: every one is refused, and programs that would change the user do not
// says: tried

using System; using System.Runtime.InteropServices; using System.Diagnostics;
class P {
    [DllImport("libc")] static extern int unshare(int flags);
    [DllImport("libc")] static extern int setuid(int id);
    [DllImport("libc")] static extern int chroot(string path);
    static void Main() {
        if (unshare(0x10000000) == 0 || unshare(0x20000) == 0) Console.WriteLine("ESCAPED by unshare");
        if (setuid(0) == 0 || chroot("/tmp") == 0) Console.WriteLine("ESCAPED by setuid");
        foreach (var name in new[] {"su", "mount", "unshare", "passwd", "chsh", "newgrp"})
            try {
                var p = Process.Start(new ProcessStartInfo(name, name == "unshare" ? "-Ur true" : "")
                    { UseShellExecute = false, RedirectStandardInput = true });
                p.StandardInput.Close();
                p.WaitForExit();
                Console.WriteLine(name + " " + p.ExitCode);
                if (name == "unshare" && p.ExitCode == 0) Console.WriteLine("ESCAPED by unshare");
            } catch (Exception e) { Console.WriteLine(name + ": " + e.Message); }
        Console.WriteLine("tried");
    }
}
