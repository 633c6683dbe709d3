// SPDX-License-Identifier: Apache-2.0
// Writes the goldens of src/record/golden_test.cc with Apache Kafka's own classes; see README.md.
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.KRaftVersionRecord;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotFooterRecord;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.message.VotersRecord;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.PrimitiveRef;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogValidator;
import org.apache.kafka.storage.internals.log.RecordValidationException;

public class RecordGoldens {
    static final long NOW = 1_700_000_000_000L;
    static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    static final CompressionType[] CODECS = CompressionType.values();

    static String hex(ByteBuffer bytes) {
        if (bytes == null) return "-";
        StringBuilder out = new StringBuilder("x");
        for (int i = bytes.position(); i < bytes.limit(); i++)
            out.append(String.format("%02x", bytes.get(i)));
        return out.toString();
    }

    static byte[] utf8(String text) {
        return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
    }

    static void batch(String name, MemoryRecords records) {
        OUT.println("batch " + name + " " + hex(records.buffer()));
        for (RecordBatch batch : records.batches()) {
            for (Record record : batch) {
                List<String> headers = new ArrayList<>();
                for (Header header : record.headers())
                    headers.add(hex(ByteBuffer.wrap(utf8(header.key()))) + "="
                        + (header.value() == null ? "-" : hex(ByteBuffer.wrap(header.value()))));
                OUT.println("record " + record.offset() + " " + record.timestamp() + " "
                    + record.sequence() + " " + hex(record.key()) + " " + hex(record.value())
                    + " " + (headers.isEmpty() ? "." : String.join(",", headers)));
            }
        }
    }

    static MemoryRecordsBuilder builder(int magic, CompressionType codec, TimestampType type,
                                        long base, long pid, int epoch, int sequence,
                                        boolean txn, boolean control) {
        return MemoryRecords.builder(ByteBuffer.allocate(4096), (byte) magic,
            Compression.of(codec).build(), type, base, NOW, pid, (short) epoch, sequence, txn,
            control, magic < 2 ? -1 : 5);
    }

    /** Four records: headers, a tombstone, a null key if asked for, no timestamp. */
    static void fill(MemoryRecordsBuilder out, int magic, boolean keys) {
        Header[] headers = magic < 2 ? new Header[0] : new Header[] {
            new RecordHeader("trace", utf8("abc")), new RecordHeader("", null),
            new RecordHeader("ü", new byte[0])};
        out.append(NOW - 10, utf8(keys ? "first" : null), utf8("value one"), headers);
        out.append(NOW + 5, utf8("key"), null, new Header[0]);
        out.append(NOW - 20, utf8(keys ? "" : null), utf8("value ".repeat(12)), new Header[0]);
        out.append(-1, utf8("none"), utf8(""), new Header[0]);
    }

    static void batches() {
        for (CompressionType codec : CODECS) {
            for (int magic = 0; magic <= 2; magic++) {
                if (magic < 2 && codec == CompressionType.ZSTD) continue;
                for (TimestampType type : TimestampType.values()) {
                    if ((type == TimestampType.NO_TIMESTAMP_TYPE) != (magic == 0)) continue;
                    MemoryRecordsBuilder out = builder(magic, codec, type, 1234567, -1, -1, -1,
                        false, false);
                    fill(out, magic, true);
                    batch("v" + magic + "-" + codec.name + "-" + type.name, out.build());
                }
            }
        }
        MemoryRecordsBuilder idempotent = builder(2, CompressionType.LZ4,
            TimestampType.CREATE_TIME, 70, 99, 7, Integer.MAX_VALUE - 1, true, false);
        fill(idempotent, 2, true);
        batch("v2-idempotent-wrapping", idempotent.build());
        batch("commit", MemoryRecords.withEndTransactionMarker(9, NOW, 3, 42, (short) 2,
            new EndTransactionMarker(ControlRecordType.COMMIT, 17)));
        batch("abort", MemoryRecords.withEndTransactionMarker(10, NOW, 3, 42, (short) 2,
            new EndTransactionMarker(ControlRecordType.ABORT, 18)));
        MemoryRecordsBuilder raft = builder(2, CompressionType.NONE, TimestampType.CREATE_TIME, 3,
            -1, -1, -1, false, true);
        raft.appendLeaderChangeMessage(NOW, new LeaderChangeMessage().setLeaderId(1));
        raft.appendSnapshotHeaderMessage(NOW, new SnapshotHeaderRecord());
        raft.appendSnapshotFooterMessage(NOW, new SnapshotFooterRecord());
        raft.appendKRaftVersionMessage(NOW, new KRaftVersionRecord().setKRaftVersion((short) 1));
        raft.appendVotersMessage(NOW, new VotersRecord());
        batch("raft-control", raft.build());
        MemoryRecordsBuilder relative = builder(1, CompressionType.GZIP, TimestampType.CREATE_TIME,
            0, -1, -1, -1, false, false);
        fill(relative, 1, true);
        MemoryRecords zero = relative.build();
        zero.batches().iterator().next().setLastOffset(0);
        batch("v1-wrapper-offset-0", zero);
    }

    static void filters() {
        String[] patterns = {"1111", "1010", "0000", "0100", "1011", "0001"};
        for (CompressionType codec : CODECS) {
            for (String pattern : patterns) {
                // All rules for plain batches, all of them off and on for the others.
                for (int bits = 0; bits < 8; bits += codec == CompressionType.NONE ? 1 : 7) {
                    boolean empty = (bits & 1) != 0;
                    boolean marker = (bits & 2) != 0;
                    boolean append = (bits & 4) != 0;
                    MemoryRecordsBuilder out = builder(2, codec,
                        append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, 500,
                        12, 3, 44, false, false);
                    fill(out, 2, true);
                    filter(out.build(), pattern, empty, marker, 1000);
                }
            }
        }
        // A batch that has a delete horizon already keeps it.
        MemoryRecordsBuilder out = builder(2, CompressionType.NONE, TimestampType.CREATE_TIME, 500,
            12, 3, 44, false, false);
        fill(out, 2, true);
        MemoryRecords once = filtered(out.build(), "0110", false, false, 1000);
        filter(once, "11", false, false, 5000);
        filter(once, "10", false, false, 5000);
        for (CompressionType codec : CODECS)
            for (int magic = 0; magic < 2; magic++)
                for (TimestampType type : TimestampType.values())
                    for (int bits = codec == CompressionType.NONE ? 14 : 0; bits < 16; bits += 3)
                        if ((type == TimestampType.NO_TIMESTAMP_TYPE) == (magic == 0)
                            && codec != CompressionType.ZSTD)
                            old(codec, magic, type, bits);
    }

    /** Old messages: the lowest bits say which stay; odd ones have no tombstone. */
    static void old(CompressionType codec, int magic, TimestampType type, int bits) {
        MemoryRecordsBuilder old = builder(magic, codec, type, 500, -1, -1, -1, false, false);
        for (int i = 0; i < 3; i++)
            old.append(NOW + i, utf8("key" + i), i == 1 && bits % 2 == 0 ? null : utf8("value"));
        String pattern = bits < 15 ? Integer.toBinaryString(8 + (bits >> 1)).substring(1) : "111";
        filter(old.build(), pattern, false, false, 1000);
    }

    static MemoryRecords filtered(MemoryRecords in, String pattern, boolean empty, boolean marker,
                                  long retention) {
        int[] next = {0};
        MemoryRecords.FilterResult result = in.filterTo(new RecordFilter(NOW, retention) {
            @Override
            protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(
                    empty ? BatchRetention.RETAIN_EMPTY : BatchRetention.DELETE_EMPTY, marker);
            }

            @Override
            protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return pattern.charAt(next[0]++) == '1';
            }
        }, ByteBuffer.allocate(8192), BufferSupplier.NO_CACHING);
        ByteBuffer bytes = result.outputBuffer();
        bytes.flip();
        return MemoryRecords.readableRecords(bytes);
    }

    static void filter(MemoryRecords in, String pattern, boolean empty, boolean marker,
                       long retention) {
        OUT.println("filter " + pattern + " " + (empty ? 1 : 0) + " " + (marker ? 1 : 0) + " "
            + retention + " " + hex(in.buffer()) + " "
            + hex(filtered(in, pattern, empty, marker, retention).buffer()));
    }

    static final class FixedTime implements Time {
        public long milliseconds() { return NOW; }
        public long nanoseconds() { return 0; }
        public void sleep(long ms) { }
        public void waitObject(Object object, Supplier<Boolean> done, long deadline) { }
    }

    static final LogValidator.MetricsRecorder NO_METRICS = new LogValidator.MetricsRecorder() {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    };

    static ByteBuffer copy(ByteBuffer in) {
        ByteBuffer out = ByteBuffer.allocate(in.remaining());
        out.put(in.duplicate());
        out.flip();
        return out;
    }

    /** What UnifiedLog and LogValidator make of `in`; the base offset is 100, the epoch 9. */
    static String judge(ByteBuffer in, AppendOrigin origin, CompressionType target,
                        TimestampType type, long before, long after, boolean compacted) {
        try {
            MemoryRecords records = MemoryRecords.readableRecords(copy(in));
            CompressionType source = CompressionType.NONE;
            for (RecordBatch batch : records.batches())
                if (batch.compressionType() != CompressionType.NONE)
                    source = batch.compressionType();
            LogValidator validator = new LogValidator(records, new TopicPartition("t", 0),
                new FixedTime(), source,
                Compression.of(target == null ? source : target).build(), compacted, (byte) 2,
                type, before, after, 9, origin);
            LogValidator.ValidationResult result = validator.validateMessagesAndAssignOffsets(
                PrimitiveRef.ofLong(100), NO_METRICS, BufferSupplier.NO_CACHING);
            return "ok " + result.maxTimestampMs() + " "
                + (result.messageSizeMaybeChanged() ? 1 : 0) + " "
                + hex(result.validatedRecords().buffer());
        } catch (RecordValidationException e) {
            return Errors.forException(e.invalidException()).name() + " "
                + e.recordErrors().stream().map(r -> "" + r.batchIndex)
                    .collect(Collectors.joining(","));
        } catch (Throwable e) {
            return Errors.forException(e).name() + " .";
        }
    }

    static void validate(String name, ByteBuffer in, AppendOrigin origin, CompressionType target,
                         TimestampType type, long before, long after, boolean compacted) {
        OUT.println("validate " + name + " " + (origin == AppendOrigin.CLIENT ? 0 : 1) + " "
            + (target == null ? "producer" : target.name) + " " + type.name + " " + before + " "
            + after + " " + (compacted ? 1 : 0) + " " + hex(in) + " "
            + judge(in, origin, target, type, before, after, compacted));
    }

    static ByteBuffer produced(CompressionType codec, boolean keys, TimestampType type, long pid,
                               boolean txn, boolean control) {
        MemoryRecordsBuilder out = builder(2, codec, type, 0, pid, pid < 0 ? -1 : 1,
            pid < 0 ? -1 : 6, txn, control);
        if (control)
            out.appendEndTxnMarker(NOW, new EndTransactionMarker(ControlRecordType.COMMIT, 1));
        else fill(out, 2, keys);
        return copy(out.build().buffer());
    }

    static ByteBuffer changed(ByteBuffer in, Consumer<ByteBuffer> change) {
        ByteBuffer out = copy(in);
        change.accept(out);
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(out.array(), 21, out.limit() - 21);
        out.putInt(17, (int) crc.getValue());
        return out;
    }

    static final long FOREVER = Long.MAX_VALUE;
    static final long HOUR = 3_600_000L;

    static void usual(String name, ByteBuffer in) {
        validate(name, in, AppendOrigin.CLIENT, null, TimestampType.CREATE_TIME, FOREVER, HOUR,
            false);
    }

    static void validations() {
        for (CompressionType codec : CODECS) {
            String of = "-" + codec.name;
            ByteBuffer good = produced(codec, true, TimestampType.CREATE_TIME, 31, true, false);
            ByteBuffer plain = produced(codec, false, TimestampType.CREATE_TIME, -1, false, false);
            for (CompressionType target : CODECS) {
                validate("target" + of, good, AppendOrigin.CLIENT, target,
                    TimestampType.CREATE_TIME, FOREVER, HOUR, true);
                validate("append-time" + of, plain, AppendOrigin.CLIENT, target,
                    TimestampType.LOG_APPEND_TIME, 5, 5, false);
            }
            usual("good" + of, good);
            validate("no-key" + of, plain, AppendOrigin.CLIENT, null, TimestampType.CREATE_TIME,
                FOREVER, HOUR, true);
            validate("before-max" + of, good, AppendOrigin.CLIENT, null, TimestampType.CREATE_TIME,
                10, HOUR, false);
            validate("after-max" + of, good, AppendOrigin.CLIENT, null, TimestampType.CREATE_TIME,
                FOREVER, 4, false);
            validate("both-errors" + of, plain, AppendOrigin.CLIENT, null,
                TimestampType.CREATE_TIME, 10, 4, true);
            ByteBuffer appendTime = produced(codec, true, TimestampType.LOG_APPEND_TIME, -1, false,
                false);
            usual("client-append-time" + of, appendTime);
            validate("client-append-time-2" + of, appendTime, AppendOrigin.CLIENT, null,
                TimestampType.LOG_APPEND_TIME, FOREVER, HOUR, false);
            ByteBuffer control = produced(codec, true, TimestampType.CREATE_TIME, 5, true, true);
            usual("client-control" + of, control);
            // Nobody writes compressed control batches; rewritten ones lose the control bit there.
            for (CompressionType target : CODECS)
                if (codec == CompressionType.NONE || codec == target)
                    validate("coordinator-control" + of, control, AppendOrigin.COORDINATOR, target,
                        TimestampType.CREATE_TIME, FOREVER, HOUR, false);
            usual("last-offset-delta-high" + of, changed(good, b -> b.putInt(23, 4)));
            usual("last-offset-delta-low" + of, changed(good, b -> b.putInt(23, 2)));
            usual("last-offset-delta-negative" + of, changed(good, b -> b.putInt(23, -2)));
            usual("count-zero" + of, changed(good, b -> b.putInt(57, 0)));
            usual("count-negative" + of, changed(good, b -> b.putInt(57, -4)));
            usual("count-low" + of, changed(good, b -> b.putInt(57, 3).putInt(23, 2)));
            usual("count-high" + of, changed(good, b -> b.putInt(57, 5).putInt(23, 4)));
            usual("no-sequence" + of, changed(good, b -> b.putInt(53, -1)));
            usual("max-timestamp-wrong" + of, changed(good, b -> b.putLong(35, 1)));
            usual("attribute-bits" + of,
                changed(good, b -> b.putShort(21, (short) (b.getShort(21) | 0xff80))));
            usual("attribute-bits-2" + of, changed(good,
                b -> b.putShort(21, (short) (b.getShort(21) | 0xff80)).putLong(35, 1)));
            usual("delete-horizon" + of,
                changed(good, b -> b.putShort(21, (short) (b.getShort(21) | 0x40))));
            usual("cut" + of,
                changed(good, b -> b.limit(b.limit() - 12).putInt(8, b.limit() - 12)));
            if (codec != CompressionType.NONE)
                usual("damaged" + of, changed(good, b -> {
                    for (int i = 70; i < 80; i++) b.put(i, (byte) (b.get(i) ^ 0x5a));
                }));
            MemoryRecordsBuilder gaps = builder(2, codec, TimestampType.CREATE_TIME, 0, -1, -1, -1,
                false, false);
            gaps.appendWithOffset(0, NOW, utf8("a"), utf8("b"));
            gaps.appendWithOffset(3, NOW + 1, utf8("c"), utf8("d"));
            gaps.overrideLastOffset(1);
            usual("inner-offsets" + of, copy(gaps.build().buffer()));
            MemoryRecordsBuilder none = builder(2, codec, TimestampType.CREATE_TIME, 0, -1, -1, -1,
                false, false);
            none.appendWithOffset(0, -1L, utf8("a"), utf8("b"));
            usual("no-timestamps" + of, copy(none.build().buffer()));
        }
        for (int code = 5; code < 8; code++) {
            final short bits = (short) code;
            usual("codec-" + code, changed(
                produced(CompressionType.NONE, true, TimestampType.CREATE_TIME, -1, false, false),
                b -> b.putShort(21, bits)));
        }
    }

    public static void main(String[] args) {
        batches();
        filters();
        validations();
    }
}
