// SPDX-License-Identifier: Apache-2.0
// Messages of Apache Kafka's own classes as lines `NAME VERSION KIND HEX`; see wire_lines.cc, which
// speaks the same. Run with Apache Kafka's jars on the class path:
//   java -cp 'lib/*' WireLines.java random SEED COUNT [small]   default and random values, encoded
//   java -cp 'lib/*' WireLines.java again                       stdin: decode, encode, compare
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;

public class WireLines {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message", "org.apache.kafka.common.metadata",
        "org.apache.kafka.raft.generated", "org.apache.kafka.coordinator.group.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
        "org.apache.kafka.storage.internals.log", "org.apache.kafka.server.log.internals.generated",
        "org.apache.kafka.storage.generated", "org.apache.kafka.streams.internals.generated"};
    private static final String[] PIECES = {"a", "Z", "-", "_", "9", "\u00fc", "\u20ac",
        "\ud83d\udc1f"};

    private record Schema(JsonNode json, Class<?> type, Method fromJson, int low, int high) {}

    private final Map<String, Schema> schemas = new TreeMap<>();
    private Random random = new Random(0);
    private boolean small = false;

    public static void main(String[] arguments) throws Exception {
        WireLines lines = new WireLines();
        lines.readSchemas();
        if (arguments[0].equals("random")) {
            lines.small = arguments.length > 3;
            lines.printRandom(Long.parseLong(arguments[1]), Integer.parseInt(arguments[2]));
        } else {
            System.exit(lines.checkAgain());
        }
    }

    private void readSchemas() throws Exception {
        ObjectMapper mapper = JsonMapper.builder().enable(JsonParser.Feature.ALLOW_COMMENTS)
            .build();
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!path.endsWith(".jar") || !new File(path).getName().startsWith("kafka-")) continue;
            try (ZipFile jar = new ZipFile(path)) {
                for (Enumeration<? extends ZipEntry> all = jar.entries(); all.hasMoreElements();) {
                    ZipEntry entry = all.nextElement();
                    if (!entry.getName().endsWith(".json")) continue;
                    JsonNode json = mapper.readTree(jar.getInputStream(entry));
                    if (json.has("validVersions")) add(json);
                }
            }
        }
    }

    private void add(JsonNode json) throws Exception {
        String name = json.get("name").asText();
        if (json.get("validVersions").asText().equals("none")) return;
        String kind = json.get("type").asText();
        boolean suffix = kind.equals("request") || kind.equals("response") || kind.equals("header");
        for (String room : PACKAGES) {
            try {
                Class<?> type = Class.forName(room + "." + name + (suffix ? "Data" : ""));
                int[] range = range(json.get("validVersions").asText());
                schemas.put(name, new Schema(json, type, converter(type), range[0], range[1]));
                return;
            } catch (ClassNotFoundException next) {
                // It is in another package.
            }
        }
        System.err.println("no class for " + name);
    }

    /** Null if there is none (SubscriptionInfoData): then only `again` and its default are tried. */
    private static Method converter(Class<?> type) throws NoSuchMethodException {
        try {
            return Class.forName(type.getName() + "JsonConverter")
                .getMethod("read", JsonNode.class, short.class);
        } catch (ClassNotFoundException e) {
            return null;
        }
    }

    private static int[] range(String text) {
        if (text.equals("none")) return new int[] {1, 0};
        if (text.endsWith("+")) {
            return new int[] {Integer.parseInt(text.substring(0, text.length() - 1)), 32767};
        }
        String[] ends = text.split("-");
        return new int[] {Integer.parseInt(ends[0]), Integer.parseInt(ends[ends.length - 1])};
    }

    private static boolean holds(JsonNode field, String key, int version) {
        if (!field.has(key)) return false;
        int[] range = range(field.get(key).asText());
        return range[0] <= version && version <= range[1];
    }

    private void printRandom(long seed, int count) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        for (Map.Entry<String, Schema> one : schemas.entrySet()) {
            Schema schema = one.getValue();
            for (int version = schema.low; version <= schema.high; version++) {
                Message plain = (Message) schema.type.getConstructor().newInstance();
                print(out, one.getKey(), version, "plain", plain);
                for (int i = 0; i < count && schema.fromJson != null; i++) {
                    random = new Random(seed + i * 1000L + version * 31L + one.getKey().hashCode());
                    JsonNode value = struct(schema.json, schema.json.get("fields"), version);
                    print(out, one.getKey(), version, "random", (Message) schema.fromJson.invoke(
                        null, value, (short) version));
                }
            }
        }
        out.flush();
    }

    private void print(PrintStream out, String name, int version, String kind, Message message) {
        String hex;
        try {
            hex = HexFormat.of().formatHex(encode(message, version));
        } catch (NullPointerException e) {
            return;  // Records whose default, null, cannot be written in this version.
        }
        out.println(name + " " + version + " " + kind + " " + (hex.isEmpty() ? "-" : hex));
    }

    private static byte[] encode(Message message, int version) {
        ByteBuffer bytes = MessageUtil.toByteBufferAccessor(message, (short) version).buffer();
        byte[] out = new byte[bytes.remaining()];
        bytes.get(out);
        return out;
    }

    private ObjectNode struct(JsonNode schema, JsonNode fields, int version) {
        ObjectNode out = JsonNodeFactory.instance.objectNode();
        for (JsonNode field : fields) {
            String versions = field.has("versions") ? "versions" : "taggedVersions";
            if (!holds(field, versions, version)) continue;
            if (holds(field, "taggedVersions", version) && random.nextBoolean()) continue;
            String name = field.get("name").asText();
            name = name.substring(0, 1).toLowerCase() + name.substring(1);
            String type = field.get("type").asText();
            if (holds(field, "nullableVersions", version) && random.nextInt(3) == 0) {
                out.putNull(name);
            } else if (type.startsWith("[]")) {
                ArrayNode array = out.putArray(name);
                int most = random.nextInt(40) == 0 && !small ? 140 : 3;
                for (int i = random.nextInt(most); i > 0; i--) {
                    array.add(value(schema, field, type.substring(2), version));
                }
            } else {
                out.set(name, value(schema, field, type, version));
            }
        }
        return out;
    }

    private JsonNode value(JsonNode schema, JsonNode field, String type, int version) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        switch (type) {
            case "bool": return make.booleanNode(random.nextBoolean());
            case "int8": return make.numberNode((int) (byte) number());
            case "int16": return make.numberNode((int) (short) number());
            case "uint16": return make.numberNode((int) (number() & 0xffff));
            case "int32": return make.numberNode((int) number());
            case "uint32": return make.numberNode(number() & 0xffffffffL);
            case "int64": return make.numberNode(number());
            case "float64": return make.numberNode(number() / 8.0);
            case "uuid":
                return make.textNode((random.nextInt(3) == 0 ? Uuid.ZERO_UUID
                    : new Uuid(number(), number())).toString());
            case "string": return make.textNode(text());
            case "bytes":
            case "records":
                byte[] bytes = new byte[random.nextInt(small ? 4 : 12)];
                random.nextBytes(bytes);
                return make.binaryNode(bytes);
            default:
                return struct(schema, fieldsOf(schema, field, type), version);
        }
    }

    private static JsonNode fieldsOf(JsonNode schema, JsonNode field, String type) {
        if (field.has("fields") && !field.get("fields").isEmpty()) return field.get("fields");
        for (JsonNode common : schema.get("commonStructs")) {
            if (common.get("name").asText().equals(type)) return common.get("fields");
        }
        throw new IllegalStateException("no struct " + type);
    }

    private long number() {
        switch (random.nextInt(4)) {
            case 0: return random.nextInt(3) - 1;
            case 1: return random.nextInt(200);
            case 2: return random.nextBoolean() ? Long.MAX_VALUE : Long.MIN_VALUE;
            default: return random.nextLong();
        }
    }

    private String text() {
        StringBuilder out = new StringBuilder();
        int size = random.nextInt(20) == 0 && !small ? random.nextInt(300) : random.nextInt(5);
        for (int i = 0; i < size; i++) out.append(PIECES[random.nextInt(PIECES.length)]);
        return out.toString();
    }

    private int checkAgain() throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        int good = 0;
        int bad = 0;
        Map<String, Integer> unknown = new HashMap<>();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            Schema schema = schemas.get(words[0]);
            if (schema == null) {
                unknown.merge(words[0], 1, Integer::sum);
                continue;
            }
            String why = again(schema, Short.parseShort(words[1]), words[2], words[3]);
            if (why == null) {
                good++;
            } else if (bad++ < 20) {
                System.out.println(words[0] + " v" + words[1] + " " + words[2] + ": " + why);
            }
        }
        System.out.println(good + " equal, " + bad + " not, no class for " + unknown.keySet());
        return bad == 0 && good > 0 && unknown.isEmpty() ? 0 : 1;
    }

    private static String again(Schema schema, short version, String kind, String hex)
            throws Exception {
        byte[] bytes = hex.equals("-") ? new byte[0] : HexFormat.of().parseHex(hex);
        try {
            Message message = (Message) schema.type.getConstructor().newInstance();
            if (!kind.equals("plain")) {
                ByteBuffer buffer = ByteBuffer.wrap(bytes);
                message.read(new ByteBufferAccessor(buffer), version);
                if (buffer.hasRemaining()) return buffer.remaining() + " bytes left over";
            }
            String mine = HexFormat.of().formatHex(encode(message, version));
            return mine.equals(HexFormat.of().formatHex(bytes)) ? null
                : "\n  they " + hex + "\n  mine " + mine;
        } catch (NullPointerException e) {
            return kind.equals("plain") ? null : e.toString();
        } catch (RuntimeException e) {
            return e.toString();
        }
    }
}
