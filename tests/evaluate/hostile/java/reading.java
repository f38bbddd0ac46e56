// ends: passed
// because: what is of the machine is not there
// says: PATH

import java.nio.file.*;
import java.util.*;
public class Problem {
    public static void main(String[] args) throws Exception {
        for (String at : new String[] {"/etc/shadow", "/etc/passwd", "@HOST_FILE@", "@HOME@"})
            if (Files.exists(Paths.get(at))) System.out.println("ESCAPED: " + at);
        System.out.println(System.getenv());
        System.out.println(new String(Files.readAllBytes(Paths.get("/proc/1/environ"))));
        ProcessHandle.allProcesses().forEach(p -> System.out.println(p.pid() + " " + p.info()));
        if (ProcessHandle.allProcesses().count() > 3) System.out.println("ESCAPED: processes");
    }
}
