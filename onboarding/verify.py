#!/usr/bin/env python3
"""Check a downloaded history: python3 verify.py [audit-keys.pem]

Needs Python 3.6 or later and OpenSSL. Reads these files beside it:
  history.json        the lines
  head.txt, head.sig  where the history ends, and the signature
  audit-keys.pem      the public keys of the servers
  *outputs.json       the record, if you put it there: its line must be in the history
The keys here came with the download. To rule out that both were replaced, give
the file that you kept from /audit-keys.pem of the site.
"""
import base64
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def bad(why):
    sys.exit("NOT VERIFIED: " + why)


def read(name):
    try:
        with open(os.path.join(HERE, name), "rb") as file:
            return file.read()
    except OSError as error:
        bad("%s can't be read: %s" % (name, error))


def digest(*fields):
    """SHA-256 over the fields, each as its length in bytes, ":", the field, and ","."""
    sum = hashlib.sha256()
    for field in fields:
        text = field.encode("utf-8")
        sum.update(b"%d:%s," % (len(text), text))
    return sum.hexdigest()


def micros(at):
    """Microseconds since 1970 of a time like 2026-01-31T12:00:00.000001Z."""
    whole, _, part = at.rstrip("Z").partition(".")
    since = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S") - datetime.datetime(1970, 1, 1)
    return str((since.days * 86400 + since.seconds) * 1000000 + int((part + "000000")[:6]))


def check_lines(id, lines):
    before, emptied = "", 0
    for number, line in enumerate(lines, 1):
        if line["seq"] != number:
            bad("line %d is missing" % number)
        if line["prev_hash"] != before:
            bad("line %d does not follow from the one before" % number)
        start = [before, id, str(number), micros(line["at"])]
        content = [line["actor"], line["text"], line["data"]]
        if line["content_hash"] == "":  # of an early version
            whole = digest(*start, line["actor"], line["role"], line["what"], line["text"], line["data"], line["request_id"])
        else:
            whole = digest(*start, line["role"], line["what"], line["request_id"], line["content_hash"])
            if line["salt"] == "":  # erased with the people of the onboarding
                emptied = number
                if any(content):
                    bad("line %d was changed" % number)
            elif digest(line["salt"], *content) != line["content_hash"]:
                bad("line %d was changed" % number)
        if whole != line["hash"]:
            bad("line %d was changed" % number)
        if line["what"] == "onboarding.forgotten" and line["salt"] != "":
            emptied = 0
        before = whole
    if emptied:
        bad("line %d was emptied, and no later line says that it was erased" % emptied)
    return before


def check_signature(keys, text, signature):
    """Whether one of the keys signed the text. Both are paths."""
    mark = b"-----END PUBLIC KEY-----"
    for block in keys.split(mark)[:-1]:
        with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
            file.write(block[block.find(b"-----BEGIN") :] + mark + b"\n")
        try:
            run = subprocess.run(
                ["openssl", "dgst", "-sha256", "-verify", file.name, "-signature", signature, text],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            bad("OpenSSL is needed. Install it, then run this again")
        finally:
            os.unlink(file.name)
        if run.returncode == 0:
            return True
    return False


def check_record(keys, id, lines):
    """The name of the record and the line of the history at which it was signed; None without a record."""
    names = sorted(name for name in os.listdir(HERE) if name.endswith("outputs.json"))
    if not names:
        return None
    if len(names) > 1:
        bad("there are several records: " + ", ".join(names))
    name = names[0]
    try:
        end = json.loads(read(name).decode("utf-8"))["history"]
        text, signature = end["text"].encode("utf-8"), base64.b64decode(end["signature"])
        head = end["text"].split("\n")
        number = int(head[2].replace("seq: ", ""))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        bad("%s has no signed end of the history (%r)" % (name, error))
    hash = lines[number - 1]["hash"] if 1 <= number <= len(lines) else ""
    if head[:4] != ["groundwork audit head 1", "onboarding: " + id, "seq: %d" % number, "hash: " + hash]:
        bad("the history does not hold line %d as %s has it: lines were cut off or rewritten, or the record is of another onboarding" % (number, name))
    paths = []
    for content in (text, signature):
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(content)
        paths.append(file.name)
    try:
        signed = check_signature(keys, *paths)
    finally:
        for path in paths:
            os.unlink(path)
    if not signed:
        bad("the end of the history in %s is signed by none of the public keys" % name)
    return name, number


def main():
    given = len(sys.argv) > 1
    try:
        history = json.loads(read("history.json").decode("utf-8"))
        id, lines = history["onboarding"], history["lines"]
        last = check_lines(id, lines)
    except (KeyError, TypeError, ValueError) as error:
        bad("history.json is not a history as it was downloaded (%r)" % error)
    head = read("head.txt").decode("utf-8", "replace").split("\n")
    if head[:4] != ["groundwork audit head 1", "onboarding: " + id, "seq: %d" % len(lines), "hash: " + last]:
        bad("the history does not end where head.txt says: lines were cut off or rewritten, or head.txt is of another history")
    keys = open(sys.argv[1], "rb").read() if given else read("audit-keys.pem")
    if not check_signature(keys, os.path.join(HERE, "head.txt"), os.path.join(HERE, "head.sig")):
        bad("head.txt is signed by none of the public keys")
    record = check_record(keys, id, lines)
    print("Verified: %d lines of %s, %s" % (len(lines), id, head[4].replace("at: ", "as signed at ")))
    if record:
        print("Verified: the history holds the line %d, at which the end in %s was signed" % (record[1], record[0]))
    if not given:
        print("The public keys came with the download. Compare them with the ones that you kept from /audit-keys.pem")


main()
