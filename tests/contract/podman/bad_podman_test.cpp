// The engine against a podman that behaves badly: one table of answers, and what must come of each.
#include "contract/podman/trial.hpp"
#include "fakes/http_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

namespace miraclemax::podman {
namespace {

using fakes::HttpServer;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

struct BadAnswer {
    const char* name;
    HttpServer::Handler handler;
    ExitCode code;
    std::vector<std::string> words; // all of them stand in the message
};

std::string problem(int status, const char* cause, const char* message) {
    return HttpServer::answer(status, std::string(R"({"cause":")") + cause + R"(","message":")" + message +
                                          R"(","response":)" + std::to_string(status) + "}");
}

HttpServer::Handler sends(std::string bytes) {
    return
        [bytes = std::move(bytes)](HttpServer::Peer& peer, const HttpServer::Request&) { peer.send(bytes); };
}

const std::vector<BadAnswer>& bad_answers() {
    static const std::vector<BadAnswer> all{
        {"no_such_container",
         sends(problem(404, "no such container", "no container with name or ID db found")),
         ExitCode::not_found,
         {"no container with name or ID", "container db"}},
        {"unknown_route",
         sends(HttpServer::answer(404, "Not Found\n", "text/plain")),
         ExitCode::podman,
         {"status 404", "Not Found", "container db"}},
        {"conflict",
         sends(problem(409, "container is paused", "it is paused")),
         ExitCode::podman,
         {"it is paused", "container db"}},
        {"wrong_state",
         sends(problem(500, "container state improper", "cannot do that")),
         ExitCode::podman,
         {"cannot do that: container state improper", "container db"}},
        {"error_in_text",
         sends(HttpServer::answer(500, "out of cheese\n", "text/plain")),
         ExitCode::podman,
         {"status 500", "out of cheese", "container db"}},
        {"error_without_text",
         sends(HttpServer::answer(503, "", "")),
         ExitCode::podman,
         {"status 503", "container db"}},
        {"redirect",
         sends(HttpServer::answer(302, "", "", "Location: http://d/elsewhere\r\n")),
         ExitCode::podman,
         {"status 302", "container db"}},
        {"no_http",
         sends("220 mail.example.org ESMTP ready\r\n"),
         ExitCode::podman,
         {"does not speak HTTP", "container db"}},
        {"empty_answer", sends(""), ExitCode::podman, {"was cut", "container db"}},
        {"cut_in_the_head", sends("HTTP/1.1 200 OK\r\nContent-Ty"), ExitCode::podman, {"container db"}},
        {"cut_in_the_body",
         sends("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"Id\":"),
         ExitCode::podman,
         {"was cut", "container db"}},
        {"cut_in_a_chunk",
         sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\n{\"Id\":"),
         ExitCode::podman,
         {"was cut", "container db"}},
        {"cut_between_chunks",
         sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
         ExitCode::podman,
         {"was cut", "container db"}},
        {"broken_chunks",
         sends("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
         ExitCode::podman,
         {"container db"}},
        {"hang",
         [](HttpServer::Peer& peer, const HttpServer::Request&) { peer.hang(); },
         ExitCode::podman,
         {"did not answer within 1.0 s", "container db"}},
        {"slow_drip",
         [](HttpServer::Peer& peer, const HttpServer::Request&) {
             peer.drip(HttpServer::answer(200, std::string(1000, ' ')), milliseconds{20});
         },
         ExitCode::podman,
         {"did not answer within 1.0 s", "container db"}},
    };
    return all;
}

std::vector<BadAnswer> only_for_reads() {
    return {
        {"garbage_json",
         sends(HttpServer::answer(200, "{\"Id\": \"1\", ")),
         ExitCode::podman,
         {"not JSON", "container db"}},
        {"html",
         sends(HttpServer::answer(200, "<html>hello</html>", "text/html")),
         ExitCode::podman,
         {"not JSON", "container db"}},
        {"empty_body", sends(HttpServer::answer(200, "")), ExitCode::podman, {"not JSON", "container db"}},
        {"another_object",
         sends(HttpServer::answer(200, R"({"hello":"world"})")),
         ExitCode::podman,
         {"makes no sense", "container db"}},
        {"a_list",
         sends(HttpServer::answer(200, "[]")),
         ExitCode::podman,
         {"makes no sense", "container db"}},
        {"deep_nesting",
         sends(HttpServer::answer(200, std::string(200'000, '['))),
         ExitCode::podman,
         {"not JSON", "container db"}},
    };
}

void expect_outcome(const BadAnswer& bad, const Outcome& outcome) {
    EXPECT_EQ(outcome.code, bad.code) << outcome.message;
    for (const auto& word : bad.words)
        EXPECT_THAT(outcome.message, HasSubstr(word));
}

TEST(BadPodman, AnswersToAnAct) {
    for (const auto& bad : bad_answers()) {
        SCOPED_TRACE(bad.name);
        const Folder folder;
        const HttpServer server(folder.socket(), HttpServer::podman(bad.handler));
        const auto engine = connect(quick(folder.socket()));
        expect_outcome(bad, outcome_of([&] { engine->pause("db"); }));
        EXPECT_EQ(server.count("POST "), 1U) << "a pause that may have happened was sent again";
    }
}

TEST(BadPodman, AnswersToARead) {
    auto table = bad_answers();
    for (auto& more : only_for_reads())
        table.push_back(std::move(more));
    for (const auto& bad : table) {
        if (bad.code == ExitCode::not_found)
            continue; // a value for reads, below
        SCOPED_TRACE(bad.name);
        const Folder folder;
        const HttpServer server(folder.socket(), HttpServer::podman(bad.handler));
        const auto engine = connect(quick(folder.socket()));
        expect_outcome(bad, outcome_of([&] { (void)engine->container("db"); }));
    }
}

TEST(BadPodman, WhatDoesNotExistIsAValueForReads) {
    const Folder folder;
    const HttpServer server(folder.socket(),
                            HttpServer::podman(sends(problem(404, "no such container", "gone"))));
    const auto engine = connect(quick(folder.socket()));
    EXPECT_EQ(engine->container("db"), std::nullopt);
    EXPECT_NO_THROW(engine->remove("db"));
}

TEST(BadPodman, AVolumeOfAnotherNameIsNotTheOneAskedFor) {
    const Folder folder;
    const HttpServer server(folder.socket(),
                            HttpServer::podman(sends(HttpServer::answer(200, R"({"Name":"database"})"))));
    const auto engine = connect(quick(folder.socket()));
    EXPECT_FALSE(engine->volume("data").has_value());
    EXPECT_TRUE(engine->volume("database").has_value());
}

TEST(BadPodman, NamesThatCannotExistAreNotSent) {
    const Folder folder;
    const HttpServer server(folder.socket(), HttpServer::podman(sends(HttpServer::answer(204, "", ""))));
    const auto engine = connect(quick(folder.socket()));
    for (const std::string name : {"", "..", "a/b", "a?force=true", "-x", "a b"}) {
        EXPECT_EQ(engine->container(name), std::nullopt);
        EXPECT_FALSE(engine->volume(name).has_value());
        EXPECT_EQ(outcome_of([&] { engine->pause(name); }).code, ExitCode::not_found);
        EXPECT_EQ(outcome_of([&] { engine->remove(name); }).code, ExitCode::not_found);
    }
    EXPECT_EQ(server.requests().size(), 1U); // the ping
}

// Three of them: what `inspect` of cc says is given.
HttpServer::Handler three_containers(HttpServer::Handler cc) {
    return HttpServer::podman(
        [cc = std::move(cc)](HttpServer::Peer& peer, const HttpServer::Request& request) {
            if (request.path.find("/containers/json") != std::string::npos)
                peer.send(HttpServer::answer(200, R"([{"Id":"bb"},{"Id":"cc"},{"Id":"aa"}])"));
            else if (request.path.find("/cc/") != std::string::npos)
                cc(peer, request);
            else if (request.path.find("/aa/") != std::string::npos)
                peer.send(HttpServer::answer(200, R"({"Id":"aa","Name":"zoo"})"));
            else
                peer.send(HttpServer::answer(200, R"({"Id":"bb","Name":"bar"})"));
        });
}

// podman looks it up, and then it ends: a 500.
TEST(BadPodman, AContainerThatVanishesMeanwhileIsLeftOut) {
    for (const int status : {404, 500})
        for (const char* cause : {"no such container", "container has already been removed"}) {
            const Folder folder;
            const HttpServer server(folder.socket(), three_containers(sends(problem(status, cause, "gone"))));
            const auto engine = connect(quick(folder.socket()));
            const auto all = engine->containers();
            ASSERT_EQ(all.size(), 2U);
            EXPECT_EQ(all[0].name, "bar");
            EXPECT_EQ(all[1].name, "zoo");
            EXPECT_EQ(engine->container("cc"), std::nullopt);
            EXPECT_NO_THROW(engine->remove("cc"));
        }
}

TEST(BadPodman, AnotherRefusalFailsTheList) {
    const Folder folder;
    const HttpServer server(folder.socket(), three_containers(sends(problem(500, "disk", "broken"))));
    const auto engine = connect(quick(folder.socket()));
    EXPECT_THAT(outcome_of([&] { (void)engine->containers(); }).message, HasSubstr("broken"));
}

TEST(BadPodman, AListEndsWithinItsLimits) {
    const Folder folder;
    const HttpServer server(
        folder.socket(),
        three_containers([](HttpServer::Peer& peer, const HttpServer::Request&) { peer.hang(); }));
    const auto engine = connect({.socket = folder.socket()}); // with its 30 s
    for (const auto limits : {Limits{.each = milliseconds{200}}, Limits{.all = milliseconds{200}},
                              Limits{.each = std::chrono::seconds{20}, .all = milliseconds{200}}}) {
        const auto begun = std::chrono::steady_clock::now();
        EXPECT_EQ(outcome_of([&] { (void)engine->containers(limits); }).code, ExitCode::podman);
        EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds{10});
    }
}

TEST(BadPodman, ASlowContainerDoesNotHoldUpTheOthers) {
    const Folder folder;
    std::atomic<int> inside{0};
    const HttpServer server(
        folder.socket(), HttpServer::podman([&](HttpServer::Peer& peer, const HttpServer::Request& request) {
            if (request.path.find("/containers/json") != std::string::npos)
                return peer.send(HttpServer::answer(200, R"([{"Id":"a"},{"Id":"b"},{"Id":"c"},{"Id":"d"}])"));
            ++inside; // nobody is answered before all have come
            for (int i = 0; i < 400 && inside < 4; ++i)
                std::this_thread::sleep_for(milliseconds{5});
            peer.send(HttpServer::answer(inside == 4 ? 200 : 500, R"({"Id":"a","Name":"a"})"));
        }));
    EXPECT_EQ(connect({.socket = folder.socket()})->containers().size(), 4U);
}

TEST(BadPodman, AnAnswerWithoutEndIsNotCollected) {
    const Folder folder;
    const HttpServer server(folder.socket(),
                            HttpServer::podman([](HttpServer::Peer& peer, const HttpServer::Request&) {
                                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 80000000\r\n\r\n");
                                const std::string megabyte(1U << 20U, ' ');
                                for (int i = 0; i < 76; ++i)
                                    peer.send(megabyte);
                            }));
    auto options = quick(folder.socket());
    options.deadline = std::chrono::seconds{60};
    const auto engine = connect(options);
    EXPECT_THAT(outcome_of([&] { (void)engine->info(); }).message, HasSubstr("larger than 64 MiB"));
}

} // namespace
} // namespace miraclemax::podman
