// ends: passed
// because: what is of the machine is not there
// says: PATH

using System; using System.IO; using System.Collections;
class P { static void Main() {
    foreach (var at in new[] {"/etc/shadow", "/etc/passwd", "@HOST_FILE@", "/proc/1/root/etc/passwd"})
        if (File.Exists(at)) Console.WriteLine("ESCAPED: " + at);
    foreach (DictionaryEntry e in Environment.GetEnvironmentVariables())
        Console.WriteLine(e.Key + "=" + e.Value);
    Console.WriteLine(File.ReadAllText("/proc/1/environ"));
    if (Directory.Exists("@HOME@")) Console.WriteLine("ESCAPED: @HOME@");
} }
