// SPDX-License-Identifier: Apache-2.0
// Runs tools of Apache Kafka one after the other in one process: a line names the class and its
// arguments, between tabs; the answer is "code bytes", and so many bytes of standard output.

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.Permission;
import java.security.Policy;
import java.security.ProtectionDomain;
import java.util.Arrays;

public class Tools {
    static final class Ended extends SecurityException {
        final int code;

        Ended(int code) {
            this.code = code;
        }
    }

    static int first;

    @SuppressWarnings("removal")
    public static void main(String[] none) throws Exception {
        PrintStream answers = System.out;
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Policy.setPolicy(new Policy() {
            @Override
            public boolean implies(ProtectionDomain domain, Permission permission) {
                return true;
            }
        });
        System.setSecurityManager(new SecurityManager() {
            @Override
            public void checkExit(int code) {
                // Tools catch everything and end once more; the first time is what counts.
                if (first < 0) first = code;
                throw new Ended(code);
            }

            @Override
            public void checkPermission(Permission permission) {
            }
        });
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split("\t", -1);
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            first = -1;
            try {
                Class.forName(words[0]).getMethod("main", String[].class)
                    .invoke(null, (Object) Arrays.copyOfRange(words, 1, words.length));
            } catch (Throwable ended) {
                if (first < 0) first = 1;
            }
            System.out.flush();
            answers.print(Math.max(first, 0) + " " + out.size() + "\n");
            out.writeTo(answers);
            answers.flush();
        }
        System.setSecurityManager(null);
        Runtime.getRuntime().halt(0);
    }
}
