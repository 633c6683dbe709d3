// SPDX-License-Identifier: Apache-2.0
// Sends requests as they are written down, and prints the answers. Arguments: host port. On stdin
// lines `API VERSION JSON`, in the form of Kafka's own JSON converters; on stdout one line of JSON
// each, `closed`, or `not served`. Answers that tell to come again are asked for again.
import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ProduceRequestData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.requests.ResponseHeader;

public class Asker {
    static final ObjectMapper MAPPER = new ObjectMapper();
    static String host;
    static int port;
    static Socket socket;
    static final Set<Short> keys = new HashSet<>();

    static ApiMessageType typeOf(String name) {
        for (ApiMessageType type : ApiMessageType.values())
            if (type.name.equals(name)) return type;
        throw new IllegalArgumentException(name);
    }

    static Class<?> converter(ApiMessage message) throws Exception {
        return Class.forName(message.getClass().getName() + "JsonConverter");
    }

    static ApiMessage request(ApiMessageType type, short version, String text) throws Exception {
        Class<?> converter = converter(type.newRequest());
        ApiMessage message = (ApiMessage) converter.getMethod("read", JsonNode.class, short.class)
            .invoke(null, MAPPER.readTree(text), version);
        if (message instanceof ProduceRequestData produce) {
            for (var topic : produce.topicData())
                for (var partition : topic.partitionData())
                    partition.setRecords(records(produce.transactionalId() != null));
        }
        return message;
    }

    static MemoryRecords records(boolean transactional) {
        var record = new SimpleRecord(System.currentTimeMillis(), "value".getBytes());
        return transactional
            ? MemoryRecords.withTransactionalRecords(Compression.NONE, 9999L, (short) 0, 0, record)
            : MemoryRecords.withRecords(Compression.NONE, record);
    }

    static byte[] exchange(ByteBuffer frame) throws IOException {
        if (socket == null) socket = new Socket(host, port);
        socket.setSoTimeout(30_000);
        socket.getOutputStream().write(frame.array(), 0, frame.limit());
        var in = new DataInputStream(socket.getInputStream());
        byte[] answer = new byte[in.readInt()];
        in.readFully(answer);
        return answer;
    }

    static JsonNode ask(ApiMessageType type, short version, ApiMessage message) throws Exception {
        var header = new RequestHeaderData().setRequestApiKey(type.apiKey())
            .setRequestApiVersion(version).setCorrelationId(1).setClientId("asker");
        short headerVersion = type.requestHeaderVersion(version);
        var cache = new ObjectSerializationCache();
        int size = header.size(cache, headerVersion) + message.size(cache, version);
        ByteBuffer frame = ByteBuffer.allocate(4 + size);
        frame.putInt(size);
        var accessor = new ByteBufferAccessor(frame);
        header.write(accessor, cache, headerVersion);
        message.write(accessor, cache, version);
        frame.flip();
        ByteBuffer answer = ByteBuffer.wrap(exchange(frame));
        ResponseHeader.parse(answer, type.responseHeaderVersion(version));
        ApiMessage response = type.newResponse();
        response.read(new ByteBufferAccessor(answer), version);
        try {
            return (JsonNode) converter(response)
                .getMethod("write", response.getClass(), short.class)
                .invoke(null, response, version);
        } catch (NoSuchMethodException e) {
            // Records have no JSON: only their size is told.
            return (JsonNode) converter(response)
                .getMethod("write", response.getClass(), short.class, boolean.class)
                .invoke(null, response, version, false);
        }
    }

    static boolean comeAgain(JsonNode answer) {
        for (int code : new int[] {14, 15, 16, 51})
            if (answer.toString().contains("\"errorCode\":" + code + ",")
                || answer.toString().contains("\"errorCode\":" + code + "}")) return true;
        return false;
    }

    static Set<Short> served() throws Exception {
        if (!keys.isEmpty()) return keys;
        JsonNode answer = ask(ApiMessageType.API_VERSIONS, (short) 0,
            ApiMessageType.API_VERSIONS.newRequest());
        for (JsonNode one : answer.get("apiKeys")) keys.add((short) one.get("apiKey").asInt());
        return keys;
    }

    static String answer(String line) throws Exception {
        String[] words = line.split(" ", 3);
        ApiMessageType type = typeOf(words[0]);
        if (!served().contains(type.apiKey())) return "not served";
        short version = Short.parseShort(words[1]);
        ApiMessage message = request(type, version, words[2]);
        JsonNode answer = null;
        for (int i = 0; i < 100; i++) {
            try {
                answer = ask(type, version, message);
            } catch (EOFException | SocketException e) {
                socket.close();
                socket = null;
                return "closed";
            }
            if (!comeAgain(answer)) break;
            Thread.sleep(100);
        }
        return answer.toString();
    }

    public static void main(String[] arguments) throws Exception {
        host = arguments[0];
        port = Integer.parseInt(arguments[1]);
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; )
            System.out.println(answer(line));
    }
}
