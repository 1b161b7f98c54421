#!/usr/bin/env python3
"""Reads a recording by docs/recording.md alone: a judge that shares no code with vrft.

Usage: read.py FILE
Prints one line for each block, and the MD5 of all records as they were in the ring.
"""
import hashlib
import json
import struct
import subprocess
import sys
import zlib

data = open(sys.argv[1], "rb").read()
# All contents, one after the other, by zstd's own tool.
plain = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
NAMES = dict(enumerate(
    "header selection functions clocks vifs nexthops words places symbols devices counters end tasks"
    " dropstats results triggers".split(), 1))


class Column:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        value = self.data[self.at:self.at + count]
        assert len(value) == count, "column too short"
        self.at += count
        return value

    def number(self, count):
        return int.from_bytes(self.take(count), "little")


class Cpu:
    def __init__(self):
        self.task = self.packet = self.frame = 0
        self.open = []


def read_records(contents):
    (count,) = struct.unpack_from("<I", contents)
    lengths = struct.unpack_from("<%dI" % count, contents, 4)
    at, columns = 4 + 4 * count, []
    for length in lengths:
        columns.append(Column(contents[at:at + length]))
        at += length
    assert at == len(contents)
    (rows, tags, time_low, time_high, time_wide, cpus, tasks, packets, fn_low, fn_high,
     frame_low, frame_high, frame_wide, kinds, losses) = columns[:15]
    (long_low, long_high, vifs, nexthops, results_low, results_high) = columns[15:21] or [Column(b"")] * 6
    long_calls, number = set(), -1
    for low, high in zip(long_low.data, long_high.data):
        number += low | high << 8
        long_calls.add(number)
    out, lost, time, cpu_number, known = [], [], 0, 0, {}
    for tag in tags.data:
        what = tag & 7
        if what == 0:
            lost.append((len(out), losses.number(4), losses.number(8)))
            continue
        delta = time_low.number(1) | time_high.number(1) << 8
        if delta == 0xffff:
            time = time_wide.number(8)
        else:
            time = time & ~0xffffffff | (time + delta) & 0xffffffff
        if tag & 8:
            cpu_number = cpus.number(2)
        cpu = known.setdefault(cpu_number % 1024, Cpu())
        if what == 1:
            cpu.task, cpu.frame, call = cpu.open.pop()
            kind, more = 2, b""
            if len(out) in long_calls:
                kind, more = 0x82, results_low.take(4) + results_high.take(4) + bytes(16)
            out.append(struct.pack("<QIIIHBB", time, cpu.task, cpu.frame, call, cpu_number, kind, 0)
                       + more)
            continue
        if tag & 16:
            cpu.task = tasks.number(4)
        packet = cpu.packet & 0xffff if what == 3 else cpu.packet
        if tag & 32:
            packet = packets.number(3)
        if what != 3:
            cpu.packet = packet
        call = fn_low.number(1) | fn_high.number(1) << 8 | (packet & 0xffff) << 16
        if what == 4:
            kind, frame, more = kinds.number(1), rows.number(4), b""
            more = rows.take(24 * ((frame & 0xff) - 1))
        else:
            kind, more = what - 1, b""
            near = cpu.open[-1][1] if cpu.open else cpu.frame
            frame = frame_low.number(1) | frame_high.number(1) << 8
            frame = frame_wide.number(4) if frame == 0xffff else (near - 8 * frame) % 2**32
            limit = frame if what == 2 else frame + 1
            while cpu.open and cpu.open[-1][0] == cpu.task and cpu.open[-1][1] < limit:
                cpu.open.pop()
            if what == 2:
                if len(cpu.open) == 64:
                    cpu.open = []
                cpu.open.append((cpu.task, frame, call))
            else:
                cpu.frame = frame
            if len(out) in long_calls:
                kind |= 0x80
                more = (vifs.take(4) + nexthops.take(4) if what == 2 else
                        results_low.take(4) + results_high.take(4)) + bytes(16)
        out.append(struct.pack("<QIIIHBB", time, cpu.task, frame, call, cpu_number, kind,
                               packet >> 16) + more)
    return out, lost


digest, total, at, at_plain, number = hashlib.md5(), 0, 0, 0, 0
while at < len(data):
    (magic, more, name, major, minor, kind, zero, sequence, count, first, last, lost, frame,
     length, crc) = struct.unpack_from("<II4sBBBBIIQQIIII", data, at)
    assert (magic, name, major, zero, sequence) == (0x184d2a5a, b"VRFT", 1, 0, number)
    assert crc == zlib.crc32(data[at + 8:at + 52])
    contents = plain[at_plain:at_plain + length]
    at += 8 + more + frame
    at_plain += length
    number += 1
    if kind == 1:
        records, losses = read_records(contents)
        assert len(records) == count
        times = [struct.unpack_from("<Q", record)[0] for record in records]
        assert not times or (min(times), max(times)) == (first, last)
        digest.update(b"".join(records))
        total += count
        print("records", count, "lost", lost, losses)
    else:
        where = 0
        while where < len(contents):
            section, size = struct.unpack_from("<II", contents, where)
            text = contents[where + 8:where + 8 + size].decode()
            print(NAMES[section], json.dumps(json.loads(text), sort_keys=True))
            where += 8 + size
assert (at, at_plain) == (len(data), len(plain))
print("total", total, digest.hexdigest())
