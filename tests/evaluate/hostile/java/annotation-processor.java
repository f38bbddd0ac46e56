// ends: passed
// because: a processor must have been compiled before, and none is on the path
// says: runs

import java.util.*;
import javax.annotation.processing.*;
import javax.lang.model.element.TypeElement;
@SupportedAnnotationTypes("*")
public class Problem extends AbstractProcessor {
    static { System.out.println("loaded as of " + Thread.currentThread().getStackTrace().length); }
    public Problem() throws Exception { System.out.println("ESCAPED: runs while compiling"); }
    @Override public boolean process(Set<? extends TypeElement> a, RoundEnvironment r) {
        System.out.println("ESCAPED: runs while compiling");
        return false;
    }
    public static void main(String[] args) { System.out.println("runs"); }
}
