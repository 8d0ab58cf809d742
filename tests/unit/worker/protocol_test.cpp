#include "worker/protocol.hpp"

#include <gmock/gmock.h>

namespace miraclemax::worker {
namespace {

using testing::HasSubstr;

Job some_job() {
    Job job;
    job.component = "n8n";
    job.root = "/data/\xff\xfe";
    job.exclude = {"*.log", "caf\xe9/**"};
    job.trusted_xattrs = true;
    job.compression = Compression::zstd;
    job.level = 3;
    job.threads = 4;
    job.keyring = std::string("\x00\x99\x01\n", 4);
    job.fingerprints = {"AAAA", "BBBB"};
    job.passphrase = "p\"\xc3w";
    job.frozen = true;
    job.folder = "/out";
    return job;
}

stream::Digest digest(char c) {
    return {.sha256 = std::string(64, c), .size = 7};
}

Outcome some_outcome() {
    Outcome outcome;
    outcome.archive = digest('a');
    outcome.inventory = digest('b');
    outcome.report = digest('c');
    outcome.tar = digest('d');
    outcome.tally.entries = 1;
    outcome.tally.excluded = ~std::uint64_t{0};
    outcome.root = {.uid = 999, .gid = 4294967295U, .mode = 01755};
    return outcome;
}

TEST(Protocol, CarriesAJobByteForByte) {
    const std::string line = encode(Request{Order{.job = some_job(), .home = "/dev/shm/mm-1"}});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto order = std::get<Order>(parse_request(line));
    const Job sent = some_job();
    EXPECT_EQ(order.home, "/dev/shm/mm-1");
    EXPECT_EQ(order.job.component, sent.component);
    EXPECT_EQ(order.job.root, sent.root);
    EXPECT_EQ(order.job.exclude, sent.exclude);
    EXPECT_EQ(order.job.trusted_xattrs, sent.trusted_xattrs);
    EXPECT_EQ(order.job.compression, sent.compression);
    EXPECT_EQ(order.job.level, sent.level);
    EXPECT_EQ(order.job.threads, sent.threads);
    EXPECT_EQ(order.job.keyring, sent.keyring);
    EXPECT_EQ(order.job.fingerprints, sent.fingerprints);
    EXPECT_EQ(order.job.passphrase, sent.passphrase);
    EXPECT_EQ(order.job.frozen, sent.frozen);
    EXPECT_EQ(order.job.folder, sent.folder);
    EXPECT_TRUE(std::holds_alternative<Go>(parse_request(encode(Request{Go{}}))));
}

TEST(Protocol, CarriesEveryReply) {
    EXPECT_EQ(std::get<Hello>(parse_reply(encode(Reply{Hello{}}))).version, protocol_version);
    EXPECT_TRUE(std::holds_alternative<Ready>(parse_reply(encode(Reply{Ready{}}))));
    EXPECT_TRUE(std::holds_alternative<Alive>(parse_reply(encode(Reply{Alive{}}))));
    EXPECT_EQ(std::get<Alive>(parse_reply(encode(Reply{Alive{.moved = 77}}))).moved, 77U);
    EXPECT_TRUE(std::holds_alternative<Read>(parse_reply(encode(Reply{Read{}}))));
    const auto outcome = std::get<Outcome>(parse_reply(encode(Reply{some_outcome()})));
    EXPECT_EQ(outcome.archive, digest('a'));
    EXPECT_EQ(outcome.inventory, digest('b'));
    EXPECT_EQ(outcome.report, digest('c'));
    EXPECT_EQ(outcome.tar, digest('d'));
    EXPECT_EQ(outcome.tally.entries, 1U);
    EXPECT_EQ(outcome.tally.excluded, ~std::uint64_t{0});
    EXPECT_EQ(outcome.root.uid, 999U);
    EXPECT_EQ(outcome.root.gid, 4294967295U);
    EXPECT_EQ(outcome.root.mode, 01755U);
    archive::Tally tally;
    tally.bytes = 123;
    tally.elsewhere = 4;
    EXPECT_EQ(std::get<archive::Tally>(parse_reply(encode(Reply{tally}))).bytes, 123U);
    EXPECT_EQ(std::get<archive::Tally>(parse_reply(encode(Reply{tally}))).elsewhere, 4U);
}

TEST(Protocol, CarriesAnErrorWhateverBytesItHolds) {
    for (const char byte : {'\xff', '\x01', '"', 'a'}) {
        const std::string text(100'000, byte);
        const std::string line =
            encode(Reply{Failure{.code = ExitCode::key, .message = text, .remedy = text}});
        EXPECT_LT(line.size(), longest_reply);
        const auto got = std::get<Failure>(parse_reply(line));
        EXPECT_EQ(got.code, ExitCode::key);
        EXPECT_EQ(got.remedy, got.message);
    }
    EXPECT_EQ(std::get<Failure>(parse_reply(encode(Reply{Failure{.message = "m", .remedy = "r"}}))).remedy,
              "r");
}

TEST(Protocol, AWorkersErrorIsNeverThatOfAWholeRun) {
    for (const ExitCode code :
         {ExitCode::usage, ExitCode::incomplete, ExitCode::nothing, ExitCode::busy, ExitCode::not_released,
          ExitCode::interrupted, ExitCode::untrusted, ExitCode::unhealthy})
        EXPECT_EQ(std::get<Failure>(parse_reply(encode(Reply{Failure{.code = code}}))).code,
                  ExitCode::failed);
    for (const ExitCode code :
         {ExitCode::failed, ExitCode::config, ExitCode::key, ExitCode::destination, ExitCode::damaged})
        EXPECT_EQ(std::get<Failure>(parse_reply(encode(Reply{Failure{.code = code}}))).code, code);
}

TEST(Protocol, RefusesNonsenseFromAWorker) {
    const std::string result = encode(Reply{some_outcome()});
    auto changed = [&result](const std::string& from, const std::string& to) {
        std::string text = result;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    const std::vector<std::string> lines{
        "",
        "hello",
        "[]",
        "null",
        "{}",
        "{\"ready\":false}",
        "{\"ready\":1}",
        "{\"alive\":true}",
        "{\"alive\":-1}",
        "{\"ready\":true,\"read\":true}",
        "{\"unknown\":true}",
        "{\"hello\":\"1\"}",
        "{\"hello\":-1}",
        "{\"hello\":1.5}",
        "{\"hello\":99999999999999999999}",
        "{\"progress\":{}}",
        "{\"progress\":null}",
        "{\"result\":{}}",
        "{\"settled\":\"both\"}",
        "{\"settled\":true}",
        "{\"settled\":{\"holds\":\"both\",\"bytes\":0,\"inodes\":0,\"device\":0,\"empty\":false}}",
        "{\"settled\":{\"holds\":\"old\"}}",
        "{\"swapped\":\"\"}",
        "{\"swapped\":[1]}",
        "{\"swapped\":[\"0g\"]}",
        "{\"done\":false}",
        "{\"unpacked\":{}}",
        "{\"unpacking\":[]}",
        "{\"error\":{\"code\":0,\"message\":\"\",\"remedy\":\"\"}}",
        "{\"error\":{\"code\":77,\"message\":\"\",\"remedy\":\"\"}}",
        "{\"error\":{\"code\":1,\"message\":1,\"remedy\":\"\"}}",
        "{\"error\":{\"code\":1,\"message\":\"\"}}",
        "{\"ready\":true} x",
        "\xff\xfe",
        changed("\"size\":7", "\"size\":-7"),
        changed("\"uid\":999", "\"uid\":4294967296"),
        changed("\"tally\"", "\"tallies\""),
        changed(std::string(64, 'a'), std::string(63, 'a')),
        changed(std::string(64, 'a'), std::string(64, 'g')),
        result.substr(0, result.size() / 2),
    };
    for (const std::string& line : lines) {
        try {
            (void)parse_reply(line);
            ADD_FAILURE() << "taken: " << line;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::failed) << line;
            EXPECT_THAT(error.what(), HasSubstr("the worker wrote nonsense")) << line;
        }
    }
}

TEST(Protocol, RefusesNonsenseFromAController) {
    auto job_with = [](const std::string& component) {
        Job job = some_job();
        job.component = component;
        return encode(Request{Order{.job = job}});
    };
    for (const std::string& line :
         {std::string("{\"go\":false}"), std::string("{\"job\":{},\"home\":\"\"}"),
          std::string("{\"job\":1}"), job_with("../etc"), job_with(".."), job_with(""), job_with("a/b")}) {
        EXPECT_THROW((void)parse_request(line), Error) << line;
    }
}

TEST(Job, NamesItsThreeFiles) {
    Job job;
    job.component = "db";
    EXPECT_EQ(leaves_of(job).archive, "db.tar.gz");
    job.compression = Compression::none;
    EXPECT_EQ(leaves_of(job).inventory, "db.mtree");
    job.compression = Compression::zstd;
    job.passphrase = "x";
    EXPECT_EQ(leaves_of(job).report, "db.report.zst.gpg");
    EXPECT_EQ(compression_from("gzip"), Compression::gzip);
    EXPECT_EQ(compression_from("lzma"), std::nullopt);
}

} // namespace
} // namespace miraclemax::worker
