// Compiles one program after the other in a JVM that stays warm.
//
// A request is an int, its length, and the source of Problem.java. The answer is an int, 0 where it compiled,
// the compiler's messages, the number of classes, and the name and content of each; texts and contents have
// their length before them. It is the compiler of the command javac, with the same options.

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.BufferedOutputStream;
import java.io.EOFException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

public class Compiler {
    static final class Source extends SimpleJavaFileObject {
        private final String content;

        Source(String content) {
            super(URI.create("string:///Problem.java"), Kind.SOURCE);
            this.content = content;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return content;
        }
    }

    static final class Written extends SimpleJavaFileObject {
        final ByteArrayOutputStream content = new ByteArrayOutputStream();

        Written(String name) {
            super(URI.create("memory:///" + name.replace('.', '/') + ".class"), Kind.CLASS);
        }

        @Override
        public OutputStream openOutputStream() {
            return content;
        }
    }

    static final class Files extends ForwardingJavaFileManager<JavaFileManager> {
        final Map<String, Written> written = new LinkedHashMap<>();

        Files(JavaFileManager below) {
            super(below);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
            return written.computeIfAbsent(name, Written::new);
        }
    }

    public static void main(String[] arguments) throws Exception {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StandardJavaFileManager standard = compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out));
        System.setOut(System.err);
        while (true) {
            byte[] request;
            try {
                request = new byte[in.readInt()];
            } catch (EOFException end) {
                return;
            }
            in.readFully(request);
            StringWriter said = new StringWriter();
            Files files = new Files(standard);
            boolean compiled;
            try {
                compiled = compiler.getTask(
                        said,
                        files,
                        null,
                        List.of("-encoding", "UTF8", "-proc:none", "-sourcepath", arguments[0], "-cp", "."),
                        null,
                        List.of(new Source(new String(request, StandardCharsets.UTF_8))))
                    .call();
            } catch (RuntimeException | StackOverflowError crash) { // as the command does, it fails
                said.write(String.valueOf(crash));
                compiled = false;
            }
            out.writeInt(compiled ? 0 : 1);
            write(out, said.toString().getBytes(StandardCharsets.UTF_8));
            out.writeInt(compiled ? files.written.size() : 0);
            if (compiled) {
                for (Map.Entry<String, Written> each : files.written.entrySet()) {
                    write(out, each.getKey().getBytes(StandardCharsets.UTF_8));
                    write(out, each.getValue().content.toByteArray());
                }
            }
            out.flush();
        }
    }

    private static void write(DataOutputStream out, byte[] content) throws Exception {
        out.writeInt(content.length);
        out.write(content);
    }
}
