// ends: compile error
// because: there is no such file inside; a line's name is only a name

using System.Reflection;
[assembly: AssemblyKeyFile("/etc/shadow")]
[assembly: AssemblyVersion("1.0.0.0")]
#line 1 "/etc/passwd"
class P { static void Main() { int x = "ESCAPED"; } }
