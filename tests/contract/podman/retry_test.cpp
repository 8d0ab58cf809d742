// What is repeated, what never is, and how calls run side by side.
#include "error.hpp"
#include "fakes/http_server.hpp"
#include "podman/rest_engine.hpp"

#include <gmock/gmock.h>

#include <condition_variable>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace miraclemax::podman {
namespace {

using fakes::HttpServer;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class Retry : public ::testing::Test {
protected:
    void SetUp() override {
        folder_ = (std::filesystem::temp_directory_path() / "podman_retry_XXXXXX").string();
        ASSERT_NE(mkdtemp(folder_.data()), nullptr);
        socket_ = folder_ + "/sock";
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::unique_ptr<Engine> engine() const {
        return connect({.socket = socket_, .deadline = seconds{20}, .retry_for = seconds{10}});
    }
    [[nodiscard]] std::unique_ptr<HttpServer> serve(HttpServer::Handler handler) const {
        return std::make_unique<HttpServer>(socket_, HttpServer::podman(std::move(handler)));
    }

    std::string folder_;
    std::string socket_;
};

constexpr const char* some_info = R"({"version":{"Version":"4.3.1"}})";

// Cuts the first calls, then answers.
HttpServer::Handler cuts(int times, std::string then) {
    return [left = std::make_shared<std::atomic<int>>(times),
            then = std::move(then)](HttpServer::Peer& peer, const HttpServer::Request&) {
        if ((*left)-- > 0)
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
        else
            peer.send(then);
    };
}

TEST_F(Retry, AReadThatWasCutIsReadAgain) {
    const auto server = serve(cuts(2, HttpServer::answer(200, some_info)));
    EXPECT_EQ(engine()->info().version, "4.3.1");
    EXPECT_EQ(server->count("GET /v4.0.0/libpod/info"), 3U);
}

TEST_F(Retry, AReadIsGivenUpWhenItsTimeIsOver) {
    const auto server = serve(cuts(1'000'000, ""));
    const auto impatient =
        connect({.socket = socket_, .deadline = seconds{20}, .retry_for = milliseconds{150}});
    EXPECT_THROW((void)impatient->info(), Error);
    EXPECT_GE(server->count("GET /v4.0.0/libpod/info"), 2U);
}

TEST_F(Retry, PauseUnpauseCreateAndExecAreNeverSentTwice) {
    const auto server = serve(cuts(1'000'000, ""));
    const auto podman = engine();
    EXPECT_THROW(podman->pause("db"), Error);
    EXPECT_THROW(podman->unpause("db"), Error);
    EXPECT_THROW((void)podman->create({.name = "w", .image = "i", .command = {"true"}}), Error);
    EXPECT_THROW((void)podman->exec("db", {"true"}, seconds{5}), Error);
    EXPECT_EQ(server->count("POST"), 4U);
}

TEST_F(Retry, StopStartAndRemoveAre) {
    for (const auto& act : std::vector<std::function<void(Engine&)>>{
             [](Engine& podman) { podman.stop("db", seconds{3}); },
             [](Engine& podman) { podman.start("db"); }, [](Engine& podman) { podman.remove("db"); }}) {
        const auto server = serve(cuts(1, HttpServer::answer(204, "", "")));
        EXPECT_NO_THROW(act(*engine()));
        EXPECT_EQ(server->requests().size(), 3U);
    }
}

TEST_F(Retry, AlreadySoIsSuccessForStopAndStart) {
    const auto server = serve([](HttpServer::Peer& peer, const HttpServer::Request&) {
        peer.send(HttpServer::answer(304, "", ""));
    });
    const auto podman = engine();
    EXPECT_NO_THROW(podman->stop("db", seconds{3}));
    EXPECT_NO_THROW(podman->start("db"));
    EXPECT_EQ(server->count("POST /v4.0.0/libpod/containers/db/stop?timeout=3"), 1U);
}

TEST_F(Retry, StopWaitsLongerThanOtherCalls) {
    const auto server = serve([](HttpServer::Peer& peer, const HttpServer::Request& request) {
        if (request.path.find("/stop") == std::string::npos)
            return peer.hang();
        std::this_thread::sleep_for(milliseconds{1300});
        peer.send(HttpServer::answer(204, "", ""));
    });
    const auto podman = connect({.socket = socket_, .deadline = seconds{1}, .retry_for = milliseconds{10}});
    EXPECT_THROW(podman->pause("db"), Error);
    EXPECT_NO_THROW(podman->stop("db", seconds{0}));
}

TEST_F(Retry, APodmanThatRestartsBetweenCallsIsFoundAgain) {
    const auto keeps = [](HttpServer::Peer& peer, const HttpServer::Request&) {
        peer.send(HttpServer::answer(200, some_info));
        peer.keep_open();
    };
    auto server = serve(keeps);
    const auto podman = engine();
    EXPECT_EQ(podman->info().version, "4.3.1");
    server.reset();
    server = serve(keeps);
    EXPECT_EQ(podman->info().version, "4.3.1");
    EXPECT_EQ(server->requests().size(), 1U);
}

TEST_F(Retry, EvenAPauseWaitsForASocketThatIsAwayForAMoment) {
    auto server = serve([](HttpServer::Peer&, const HttpServer::Request&) {});
    const auto podman = engine();
    server.reset();
    for (const bool unlinked : {false, true}) { // killed: the file stays; ended in order: it is gone
        if (unlinked)
            std::filesystem::remove(socket_);
        std::unique_ptr<HttpServer> again;
        std::thread later([&] {
            std::this_thread::sleep_for(milliseconds{100});
            again = serve([](HttpServer::Peer& peer, const HttpServer::Request&) {
                peer.send(HttpServer::answer(204, "", ""));
            });
        });
        EXPECT_NO_THROW(podman->pause("db"));
        later.join();
        EXPECT_EQ(again->count("POST"), 1U);
    }
}

TEST_F(Retry, CallsRunAtTheSameTime) {
    std::mutex mutex;
    std::condition_variable changed;
    int inside = 0;
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request&) {
        std::unique_lock lock(mutex);
        ++inside;
        changed.notify_all();
        // Nobody is answered before all have come.
        const bool together = changed.wait_for(lock, seconds{10}, [&] { return inside == 8; });
        lock.unlock();
        peer.send(HttpServer::answer(together ? 204 : 500, "", ""));
    });
    const auto podman = engine();
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            try {
                podman->pause("db");
                ++done;
            } catch (const Error&) {
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(done, 8);
}

// A worker must not inherit the way to podman.
TEST_F(Retry, SocketsAreClosedOnExec) {
    int inheritable = 0;
    int seen = 0;
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request&) {
        for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
            const int descriptor = std::stoi(entry.path().filename());
            sockaddr_un address{};
            socklen_t size = sizeof(address);
            if (::getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
                socket_ != address.sun_path)
                continue;
            ++seen;
            if ((::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) == 0)
                ++inheritable;
        }
        peer.send(HttpServer::answer(200, some_info));
    });
    (void)engine()->info();
    EXPECT_GE(seen, 1);
    EXPECT_EQ(inheritable, 0);
}

TEST_F(Retry, RequestsAreWhatPodmanExpects) {
    std::vector<HttpServer::Request> requests;
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request& request) {
        requests.push_back(request);
        if (request.path.find("/start") != std::string::npos &&
            request.path.find("/exec/") != std::string::npos)
            peer.send(
                std::string("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n") +
                std::string("\1\0\0\0\0\0\0\4out\n\2\0\0\0\0\0\0\4err\n", 24));
        else if (request.method == "GET")
            peer.send(HttpServer::answer(200, R"({"Running":false,"ExitCode":5})"));
        else
            peer.send(HttpServer::answer(201, R"({"Id":"e1"})"));
    });
    const auto result = engine()->exec("db", {"sh", "-c", "exit 5"}, seconds{5});
    EXPECT_EQ(result.exit_code, 5);
    EXPECT_EQ(result.output, "out\nerr\n");
    ASSERT_EQ(requests.size(), 3U);
    EXPECT_EQ(requests[0].path, "/v4.0.0/libpod/containers/db/exec");
    EXPECT_THAT(requests[0].body, HasSubstr(R"(["sh","-c","exit 5"])"));
    EXPECT_THAT(requests[0].head, HasSubstr("Content-Type: application/json"));
    EXPECT_EQ(requests[1].path, "/v4.0.0/libpod/exec/e1/start");
    EXPECT_EQ(requests[2].path, "/v4.0.0/libpod/exec/e1/json");
    EXPECT_EQ(requests[2].head.find("Content-Type"), std::string::npos);
    EXPECT_EQ(requests[1].head.find("Expect"), std::string::npos);
}

TEST_F(Retry, ACommandThatOutlivesItsTimeIsAnErrorThatSaysSo) {
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request& request) {
        if (request.path.find("/exec/") == std::string::npos)
            peer.send(HttpServer::answer(201, R"({"Id":"e1"})"));
        else
            peer.send("HTTP/1.1 200 OK\r\n\r\n"), peer.hang();
    });
    try {
        (void)engine()->exec("db", {"sleep", "9"}, seconds{1});
        FAIL() << "ended";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::podman);
        EXPECT_THAT(error.what(), HasSubstr("container db did not end within 1 s"));
    }
}

TEST_F(Retry, AnExecsFloodOfOutputIsCapped) {
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request& request) {
        if (request.path.find("/start") != std::string::npos) {
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            const auto frame = std::string("\1\0\0\0\0\x10\0\0", 8) + std::string(1U << 20U, 'y');
            for (int i = 0; i < 70; ++i)
                peer.send(frame);
            peer.send(std::string("\2\0\0\0\0\0\0\4end\n", 12));
        } else if (request.method == "GET") {
            peer.send(HttpServer::answer(200, R"({"Running":false,"ExitCode":0})"));
        } else {
            peer.send(HttpServer::answer(201, R"({"Id":"e1"})"));
        }
    });
    const auto output = engine()->exec("db", {"yes"}, seconds{30}).output;
    EXPECT_EQ(output.size(), 64U << 10U);
    EXPECT_EQ(output.substr(output.size() - 5), "yend\n");
}

TEST_F(Retry, MessagesNameTheContainerWhoseIdIsGiven) {
    const std::string id(64, 'a');
    const auto server = serve([&](HttpServer::Peer& peer, const HttpServer::Request& request) {
        if (request.method == "GET")
            peer.send(HttpServer::answer(200, R"({"Id":")" + id + R"(","Name":"db"})"));
        else
            peer.send(HttpServer::answer(500, R"({"cause":"c","message":"m"})"));
    });
    const auto podman = engine();
    const auto message = [&] {
        try {
            podman->pause(id);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EXPECT_EQ(message(), "podman refused to pause container aaaaaaaaaaaa: m: c");
    (void)podman->container(id);
    EXPECT_EQ(message(), "podman refused to pause container db: m: c");
}

} // namespace
} // namespace miraclemax::podman
