// The words of a restore: the others are protocol_test.cpp's.
#include "worker/protocol.hpp"

#include <gtest/gtest.h>

namespace miraclemax::worker {
namespace {

UnpackJob some_unpacking() {
    UnpackJob job;
    job.promise = {.prefix = "n8n",
                   .single = true,
                   .entries = 7,
                   .files = 6,
                   .tar_size = ~std::uint64_t{0},
                   .tar_sha256 = std::string(64, 'a')};
    job.compression = Compression::zstd;
    job.store = true;
    job.emptied = true;
    job.options = {.only = "caf\xe9", .trusted_xattrs = true, .selinux_labels = true};
    job.content = 12;
    job.site = {.root = "/data/\xff", .single = true, .run = "r-1", .only = "caf\xe9"};
    return job;
}

TEST(ProtocolOfARestore, CarriesTheJobsOfARestore) {
    DecryptJob decrypting;
    decrypting.component = "n8n";
    decrypting.keys = std::string("\x95\0\n", 3);
    decrypting.key_passphrase = "p\xe4";
    decrypting.passphrase = "\"q";
    const auto decryption = std::get<DecryptOrder>(parse_request(encode(
        Request{DecryptOrder{.job = decrypting, .home = "/dev/shm/mm-1", .hidden = {"/run", "/a\xff"}}})));
    EXPECT_EQ(decryption.job.component, "n8n");
    EXPECT_EQ(decryption.job.keys, decrypting.keys);
    EXPECT_EQ(decryption.job.key_passphrase, decrypting.key_passphrase);
    EXPECT_EQ(decryption.job.passphrase, decrypting.passphrase);
    EXPECT_EQ(decryption.home, "/dev/shm/mm-1");
    EXPECT_EQ(decryption.hidden, (std::vector<std::filesystem::path>{"/run", "/a\xff"}));

    const UnpackJob sent = some_unpacking();
    const UnpackJob got = std::get<UnpackOrder>(parse_request(encode(Request{UnpackOrder{sent}}))).job;
    EXPECT_EQ(got.promise.prefix, sent.promise.prefix);
    EXPECT_EQ(got.promise.single, sent.promise.single);
    EXPECT_EQ(got.promise.entries, sent.promise.entries);
    EXPECT_EQ(got.promise.files, sent.promise.files);
    EXPECT_EQ(got.promise.tar_size, sent.promise.tar_size);
    EXPECT_EQ(got.promise.tar_sha256, sent.promise.tar_sha256);
    EXPECT_EQ(got.compression, sent.compression);
    EXPECT_EQ(got.store, sent.store);
    EXPECT_EQ(got.emptied, sent.emptied);
    EXPECT_EQ(got.options.only, sent.options.only);
    EXPECT_EQ(got.options.trusted_xattrs, sent.options.trusted_xattrs);
    EXPECT_EQ(got.options.selinux_labels, sent.options.selinux_labels);
    EXPECT_EQ(got.content, sent.content);
    EXPECT_EQ(got.site.root, sent.site.root);
    EXPECT_EQ(got.site.single, sent.site.single);
    EXPECT_EQ(got.site.run, sent.site.run);
    EXPECT_EQ(got.site.only, sent.site.only);

    for (const Settling what :
         {Settling::settle, Settling::exchange, Settling::discard, Settling::make_folder, Settling::room,
          Settling::empty, Settling::sweep, Settling::abandon}) {
        SettleJob settling;
        settling.component = "n8n";
        settling.what = what;
        settling.folder = "a/\xff";
        const auto order = std::get<SettleOrder>(parse_request(encode(Request{SettleOrder{settling}})));
        EXPECT_EQ(order.job.what, what);
        EXPECT_EQ(order.job.folder, settling.folder);
    }
}

TEST(ProtocolOfARestore, CarriesTheRepliesOfARestore) {
    archive::Unpacked unpacked;
    unpacked.entries = 1;
    unpacked.files = 2;
    unpacked.bytes = 3;
    unpacked.unpacked = 4;
    unpacked.withheld = {.devices = 5, .owners = 6, .attributes = 7};
    unpacked.names = {"a", "\xff", ""};
    const auto got = std::get<archive::Unpacked>(parse_reply(encode(Reply{unpacked})));
    EXPECT_EQ(got.entries, 1U);
    EXPECT_EQ(got.files, 2U);
    EXPECT_EQ(got.bytes, 3U);
    EXPECT_EQ(got.unpacked, 4U);
    EXPECT_EQ(got.withheld.devices, 5U);
    EXPECT_EQ(got.withheld.owners, 6U);
    EXPECT_EQ(got.withheld.attributes, 7U);
    EXPECT_EQ(got.names, unpacked.names);
    const auto progress = std::get<Unpacking>(parse_reply(encode(Reply{Unpacking{unpacked}}))).so_far;
    EXPECT_EQ(progress.bytes, 3U);
    EXPECT_TRUE(progress.names.empty());
    const auto swapped =
        std::get<Swapped>(parse_reply(encode(Reply{Swapped{.stayed = {"x", "\xff"}, .keeps_old = true}})));
    EXPECT_EQ(swapped.stayed, (std::vector<std::string>{"x", "\xff"}));
    EXPECT_TRUE(swapped.keeps_old);
    for (const auto holds : {archive::Holds::old_data, archive::Holds::new_data, archive::Holds::unknown}) {
        const Settled sent{.holds = holds,
                           .space = {.bytes = 1, .inodes = UINT64_MAX, .device = 3, .empty = true},
                           .strays = {"x", "\xff"}};
        const auto settled = std::get<Settled>(parse_reply(encode(Reply{sent})));
        EXPECT_EQ(settled.holds, holds);
        EXPECT_EQ(settled.space.bytes, 1U);
        EXPECT_EQ(settled.space.inodes, UINT64_MAX);
        EXPECT_EQ(settled.space.device, 3U);
        EXPECT_TRUE(settled.space.empty);
        EXPECT_EQ(settled.strays, sent.strays);
    }
    EXPECT_TRUE(std::holds_alternative<Done>(parse_reply(encode(Reply{Done{}}))));
    EXPECT_EQ(std::get<Failure>(parse_reply(encode(Reply{Failure{.code = ExitCode::damaged}}))).code,
              ExitCode::damaged);
    // However many names there are, a line holds no more than it may.
    unpacked.names.assign(100, std::string(4000, 'n'));
    const std::string line = encode(Reply{unpacked});
    EXPECT_LT(line.size(), longest_reply);
    const auto kept = std::get<archive::Unpacked>(parse_reply(line)).names.size();
    EXPECT_GT(kept, 2U);
    EXPECT_LT(kept, 100U);
    EXPECT_LT(encode(Reply{Swapped{std::vector<std::string>(100'000, "name")}}).size(), longest_reply);
}

TEST(ProtocolOfARestore, RefusesNonsenseFromAController) {
    const std::string unpacking = encode(Request{UnpackOrder{some_unpacking()}});
    auto changed = [&unpacking](const std::string& from, const std::string& to) {
        std::string text = unpacking;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    SettleJob settling;
    settling.component = "../x";
    DecryptJob decrypting;
    decrypting.component = "a/b";
    for (const std::string& line :
         {changed("\"n8n\"", "\"..\""), changed("\"zstd\"", "\"lzma\""),
          changed("\"store\":true", "\"store\":1"), changed("\"entries\":7", "\"entries\":-7"),
          changed("\"entries\":7", "\"entries\":7.5"), changed(std::string(64, 'a'), std::string(63, 'a')),
          changed(std::string(64, 'a'), std::string(64, 'g')), changed("\"site\"", "\"sight\""),
          unpacking.substr(0, unpacking.size() / 2), encode(Request{SettleOrder{settling}}),
          encode(Request{DecryptOrder{.job = decrypting}}),
          std::string("{\"settle\":{\"component\":\"a\",\"what\":\"fly\",\"site\":{},\"folder\":\"\"}}"),
          std::string("{\"unpack\":{},\"settle\":{}}"), std::string("{\"decrypt\":{}}")}) {
        EXPECT_THROW((void)parse_request(line), Error) << line;
    }
}

} // namespace
} // namespace miraclemax::worker
