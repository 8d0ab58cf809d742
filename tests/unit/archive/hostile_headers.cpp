#include "unit/archive/hostile_case.hpp"

namespace miraclemax::archive::test {
namespace {

const Case kHeaders[] = {
    {"global header", "never written",
     [](Hostile& h) { h.tar.extended(TarBuilder::record("path", "x"), 'g').add(file("data/x")).end(); }},
    {"GNU long name", "never written",
     [](Hostile& h) { h.tar.extended("data/../x", 'L').add(file("data/x")).end(); }},
    {"GNU long link", "never written",
     [](Hostile& h) { h.tar.extended("/etc", 'K').add(link_to("data/x", '2', "y")).end(); }},
    {"volume label", "never written",
     [](Hostile& h) {
         Header header = file("data/x", "");
         header.type = 'V';
         h.tar.add(header).end();
     }},
    {"old GNU sparse", "never written",
     [](Hostile& h) {
         Header header = file("data/x", "");
         header.type = 'S';
         h.tar.add(header).end();
     }},
    {"multi-volume", "never written",
     [](Hostile& h) {
         Header header = file("data/x", "");
         header.type = 'M';
         h.tar.add(header).end();
     }},
    {"contiguous", "never written",
     [](Hostile& h) {
         Header header = file("data/x", "");
         header.type = '7';
         h.tar.add(header).end();
     }},
    {"pre-POSIX type", "never written",
     [](Hostile& h) {
         Header header = file("data/x", "");
         header.type = '\0';
         h.tar.add(header).end();
     }},
    {"Solaris ACL", "never written", [](Hostile& h) { h.tar.extended("x", 'A').add(file("data/x")).end(); }},
    {"GNU magic", "no header",
     [](Hostile& h) {
         Header header = file("data/x");
         header.magic = std::string("ustar  \0", 8);
         h.tar.add(header).end();
     }},
    {"v7, no magic", "no header",
     [](Hostile& h) {
         Header header = file("data/x");
         header.magic = std::string(8, '\0');
         h.tar.add(header).end();
     }},
    {"wrong checksum", "checksum",
     [](Hostile& h) {
         Header header = file("data/x");
         header.good_sum = false;
         h.tar.add(header).end();
     }},
    {"a size that is too long", "more content",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = "77777777777";
         h.tar.add(header).end();
     }},
    {"a size that is one block too long", "",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = TarBuilder::octal(1024, 11);
         h.tar.add(header).end();
     }},
    {"a size that is too short", "",
     [](Hostile& h) {
         Header header = file("data/x", std::string(600, 'x'));
         header.size = TarBuilder::octal(512, 11);
         h.tar.add(header).end();
     }},
    {"negative size", "negative",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = std::string(12, '\xff');
         h.tar.add(header).end();
     }},
    {"huge size in base 256", "range",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = "\xbf" + std::string(11, '\xff');
         h.tar.add(header).end();
     }},
    {"a size of 2^63 - 1", "more content",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = std::string("\x80\0\0\0\x7f", 5) + std::string(7, '\xff');
         h.tar.add(header).end();
     }},
    {"a size of letters", "something else",
     [](Hostile& h) {
         Header header = file("data/x");
         header.size = "12345abcdef";
         h.tar.add(header).end();
     }},
    {"negative owner", "negative",
     [](Hostile& h) {
         Header header = file("data/x");
         header.uid = std::string(8, '\xff');
         h.tar.add(header).end();
     }},
    {"folder with content", "no file",
     [](Hostile& h) {
         Header header = file("data/d/");
         header.type = '5';
         h.tar.add(header).end();
     }},
    {"device with content", "no file",
     [](Hostile& h) {
         Header header = file("data/d");
         header.type = '3';
         h.tar.add(header).end();
     }},
    {"a device that the inventory has as a file", "type=char",
     [](Hostile& h) {
         h.tar.add(file("data/c", ""));
         h.tar.tar.clear();
         Header header = file("data/c", "");
         header.type = '3';
         h.tar.header(header).end();
     }},
    {"set-uid that the inventory doesn't have", "mode=4755",
     [](Hostile& h) {
         h.tar.add(file("data/c"));
         h.tar.tar.clear();
         Header header = file("data/c");
         header.mode = 04755;
         h.tar.header(header).end();
     }},
    {"mode out of range", "mode",
     [](Hostile& h) {
         Header header = file("data/c");
         header.mode = 0100644;
         h.tar.add(header).end();
     }},
};

const Case kRecords[] = {
    {"10 MB of records", "longer than any",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.user.x", std::string(10 << 20, 'x')}}).end();
     }},
    {"a size of records that is not there", "",
     [](Hostile& h) {
         Header header{.name = "x", .type = 'x', .content = "", .link = ""};
         header.size = TarBuilder::octal(4 << 20, 11);
         h.tar.header(header).add(file("data/x")).end();
     }},
    {"records of 8 GiB", "longer than any",
     [](Hostile& h) {
         Header header{.name = "x", .type = 'x', .content = "", .link = ""};
         header.size = "77777777777";
         h.tar.header(header).add(file("data/x")).end();
     }},
    {"record length 0", "broken",
     [](Hostile& h) { h.tar.extended("0 path=data/y\n").add(file("data/x")).end(); }},
    {"record length too long", "broken",
     [](Hostile& h) { h.tar.extended("99 path=data/y\n").add(file("data/x")).end(); }},
    {"record length too short", "broken",
     [](Hostile& h) { h.tar.extended("9 path=data/y\n").add(file("data/x")).end(); }},
    {"record length overflows", "broken",
     [](Hostile& h) { h.tar.extended("99999999999999999999999 path=y\n").add(file("data/x")).end(); }},
    {"record length negative", "broken",
     [](Hostile& h) { h.tar.extended("-15 path=data/y\n").add(file("data/x")).end(); }},
    {"record without a newline", "broken",
     [](Hostile& h) { h.tar.extended("14 path=data/y").add(file("data/x")).end(); }},
    {"record without a value", "broken",
     [](Hostile& h) { h.tar.extended("8 path\n\n").add(file("data/x")).end(); }},
    {"record without a key", "broken",
     [](Hostile& h) { h.tar.extended("6 =xy\n").add(file("data/x")).end(); }},
    {"garbage", "broken", [](Hostile& h) { h.tar.extended("\xff\xfe garbage").add(file("data/x")).end(); }},
    {"unknown keyword", "unknown keyword",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"comment", "hello"}}).end();
     }},
    {"unknown vendor", "unknown keyword",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"EVIL.path", "hello"}}).end();
     }},
    {"old sparse keywords", "unknown keyword",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"GNU.sparse.map", "0,4"}}).end();
     }},
    {"the same twice", "twice",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"path", "data/x"}, {"path", "data/x"}}).end();
     }},
    {"an attribute twice", "twice",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.user.x", "1"}, {"SCHILY.xattr.user.x", "2"}}).end();
     }},
    {"an attribute of the system", "no known kind",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.system.posix_acl_access", "x"}}).end();
     }},
    {"an attribute with a broken name", "broken name",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.user.%zz", "x"}}).end();
     }},
    {"an attribute with a NUL in its name", "no known kind",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.user.a%00b", "x"}}).end();
     }},
    {"an attribute that the inventory doesn't have", "attributes",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.user.x", "1"}}).end();
     }},
    {"a capability that the inventory doesn't have", "attributes",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.xattr.security.capability", "\1"}}).end();
     }},
    {"a broken ACL", "ACL",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.acl.access", "user:root:rwx"}}).end();
     }},
    {"an ACL that the inventory doesn't have", "",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"SCHILY.acl.default", "user::rwx"}}).end();
     }},
    {"size override, longer", "more content",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"size", "1000000"}}).end();
     }},
    {"size override, shorter", "",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"size", "0"}}).end();
     }},
    {"size override, negative", "no good number",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"size", "-1"}}).end();
     }},
    {"size override, huge", "no good number",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"size", "18446744073709551617"}}).end();
     }},
    {"owner override, out of range", "out of range",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"uid", "4294967296"}}).end();
     }},
    {"owner override", "uid=7",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"uid", "7"}}).end();
     }},
    {"time out of range", "no good number",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"mtime", "9999999999999999999"}}).end();
     }},
    {"time of letters", "no good number",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"mtime", "1e9"}}).end();
     }},
    {"time with too many digits", "no good number",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"mtime", "1.0000000001"}}).end();
     }},
    {"another character set", "character set",
     [](Hostile& h) {
         h.tar.add(file("data/x"), {{"hdrcharset", "ISO-IR 8859 1 1998"}}).end();
     }},
    {"two extended headers", "follow each other",
     [](Hostile& h) {
         h.tar.records({{"path", "data/y"}}).records({{"path", "data/x"}}).add(file("data/x")).end();
     }},
    {"an extended header for nothing", "",
     [](Hostile& h) {
         h.tar.records({{"path", "data/y"}}).end();
     }},
};

} // namespace

std::span<const Case> hostile_headers() {
    return kHeaders;
}

std::span<const Case> hostile_records() {
    return kRecords;
}

} // namespace miraclemax::archive::test
