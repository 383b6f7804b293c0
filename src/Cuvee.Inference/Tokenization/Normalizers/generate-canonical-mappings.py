#!/usr/bin/env python3
"""Writes canonical-mappings.txt, the Unicode data that NFC needs, from Python's unicodedata (Unicode Character Database).

Lines, hexadecimal code points:
  D <composed> <first> [<second>]   one-step canonical decomposition
  X <composed>                      as D, but never composed again (singletons, composition exclusions); follows its D line
  C <class> <first> <last>          canonical combining class (decimal) of a range
Hangul syllables are computed, not listed.
"""
import os
import sys
import unicodedata

lines = [f"# Unicode {unicodedata.unidata_version}; made by generate-canonical-mappings.py, do not edit."]
for code in range(sys.maxunicode + 1):
    if 0xD800 <= code <= 0xDFFF or 0xAC00 <= code <= 0xD7A3:
        continue
    mapping = unicodedata.decomposition(chr(code))
    if mapping and not mapping.startswith("<"):
        lines.append(f"D {code:X} {mapping}")
        if unicodedata.normalize("NFC", chr(code)) != chr(code):
            lines.append(f"X {code:X}")
ranges = []
for code in range(sys.maxunicode + 1):
    combining_class = unicodedata.combining(chr(code))
    if combining_class == 0:
        continue
    if ranges and ranges[-1][0] == combining_class and ranges[-1][2] == code - 1:
        ranges[-1][2] = code
    else:
        ranges.append([combining_class, code, code])
lines += [f"C {combining_class} {first:X} {last:X}" for combining_class, first, last in ranges]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "canonical-mappings.txt")
with open(path + ".tmp", "w", encoding="ascii", newline="\n") as file:
    file.write("\n".join(lines) + "\n")
os.replace(path + ".tmp", path)
