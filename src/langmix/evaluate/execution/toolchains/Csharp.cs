// The C# compiler that stays up: its arguments are csc's. On stdin come programs, each after its length; each is
// answered on stdout by the exit code, the lengths of what csc says and of the program made, and both. Twelve
// zeros say that it is up.
using System;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

static class Server
{
    static readonly Stream In = Console.OpenStandardInput();
    static readonly Stream Out = Console.OpenStandardOutput();

    static void Main(string[] arguments)
    {
        var given = CSharpCommandLineParser.Default.Parse(arguments, Directory.GetCurrentDirectory(), null);
        var references = given.MetadataReferences
            .Select(each => (MetadataReference) MetadataReference.CreateFromFile(each.Reference))
            .ToArray();
        byte[] program = Encoding.UTF8.GetBytes("class Warm { static void Main() { System.Console.WriteLine(1); } }");
        Compile(program, given, references, new MemoryStream());
        Answer(0, "", new byte[0]);
        for (byte[] length; (length = Receive(4)) != null;)
        {
            program = Receive(length[0] << 24 | length[1] << 16 | length[2] << 8 | length[3]);
            var made = new MemoryStream();
            var said = new StringBuilder();
            var emitted = Compile(program, given, references, made);
            foreach (var each in emitted.Diagnostics.Where(each => each.Severity >= DiagnosticSeverity.Warning))
                said.AppendLine(CSharpDiagnosticFormatter.Instance.Format(each));
            Answer(emitted.Success ? 0 : 1, said.ToString(), emitted.Success ? made.ToArray() : new byte[0]);
        }
    }

    static EmitResult Compile(byte[] program, CSharpCommandLineArguments given, MetadataReference[] references, Stream made)
    {
        var text = SourceText.From(program, program.Length, Encoding.UTF8);
        var tree = CSharpSyntaxTree.ParseText(text, given.ParseOptions, "main.cs");
        return CSharpCompilation.Create("main", new[] { tree }, references, given.CompilationOptions).Emit(made);
    }

    /// <summary>So many bytes; null at the end.</summary>
    static byte[] Receive(int length)
    {
        var content = new byte[length];
        for (int had = 0; had < length;)
        {
            int came = In.Read(content, had, length - had);
            if (came == 0)
                return null;
            had += came;
        }
        return content;
    }

    static void Answer(int code, string said, byte[] made)
    {
        var text = Encoding.UTF8.GetBytes(said);
        foreach (var number in new[] { code, text.Length, made.Length })
            Out.Write(new[] { (byte) (number >> 24), (byte) (number >> 16), (byte) (number >> 8), (byte) number }, 0, 4);
        Out.Write(text, 0, text.Length);
        Out.Write(made, 0, made.Length);
        Out.Flush();
    }
}
