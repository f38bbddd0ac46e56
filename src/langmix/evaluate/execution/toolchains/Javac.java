import com.sun.tools.javac.Main;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * javac that stays up: its arguments are javac's. On stdin come programs, each after its length; each is
 * answered on stdout by the exit code, the lengths of what javac says and of an archive of classes, and both.
 * Twelve zeros say that it is up.
 */
final class Javac {
    private static final Path SOURCE = Path.of("Problem.java");

    public static void main(String[] arguments) throws IOException {
        DataInputStream in = new DataInputStream(System.in);
        DataOutputStream out = new DataOutputStream(System.out);
        System.setOut(System.err);
        Path classes = Files.createTempDirectory("classes");
        String[] all = Stream.concat(Stream.of(arguments), Stream.of("-d", classes.toString(), SOURCE.toString()))
                .toArray(String[]::new);
        byte[] program = "class Warm { public static void main(String[] a) { System.out.println(1); } }".getBytes();
        compile(program, all, new StringWriter());
        archive(classes);
        out.write(new byte[12]);
        out.flush();
        while (true) {
            try {
                program = in.readNBytes(in.readInt());
            } catch (EOFException ended) {
                return;
            }
            StringWriter said = new StringWriter();
            int code = compile(program, all, said);
            byte[] text = said.toString().getBytes(StandardCharsets.UTF_8);
            byte[] made = archive(classes);
            out.writeInt(code);
            out.writeInt(text.length);
            out.writeInt(made.length);
            out.write(text);
            out.write(made);
            out.flush();
        }
    }

    private static int compile(byte[] program, String[] arguments, StringWriter said) throws IOException {
        Files.write(SOURCE, program);
        return Main.compile(arguments, new PrintWriter(said));
    }

    /** The files in a folder, which is empty afterwards. */
    private static byte[] archive(Path folder) throws IOException {
        List<Path> found;
        try (Stream<Path> walk = Files.walk(folder)) {
            found = walk.filter(path -> !path.equals(folder)).sorted(Comparator.reverseOrder()).collect(Collectors.toList());
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.setLevel(1);
            for (Path path : found) {
                if (Files.isRegularFile(path)) {
                    zip.putNextEntry(new ZipEntry(folder.relativize(path).toString()));
                    Files.copy(path, zip);
                    zip.closeEntry();
                }
                Files.delete(path);
            }
        }
        return bytes.toByteArray();
    }
}
