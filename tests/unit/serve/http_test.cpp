#include "serve/http.hpp"

#include "error.hpp"
#include "serve/http_message.hpp"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

namespace miraclemax::serve {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A client that says exactly what it is told to.
class Client {
public:
    explicit Client(int port, int receive_buffer = 0)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer > 0)
            ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }
    Client(Client&& other) noexcept
        : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
    Client(const Client&) = delete;
    ~Client() {
        if (socket_ >= 0)
            ::close(socket_);
    }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0)
                return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // Closes at once and says so, where close() alone looks like a client that only ended sending.
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
        ::close(std::exchange(socket_, -1));
    }
    void end_sending() { ::shutdown(socket_, SHUT_WR); }
    // Until the server closes, or it has said nothing for 20 s.
    std::string receive() {
        std::string out;
        while (true) {
            pollfd readable{.fd = socket_, .events = POLLIN, .revents = 0};
            char buffer[4096];
            if (::poll(&readable, 1, 20'000) != 1)
                return out + "<still open>";
            const auto got = ::recv(socket_, buffer, sizeof(buffer), 0);
            if (got <= 0)
                return got == 0 ? out : out + "<reset>";
            out.append(buffer, static_cast<std::size_t>(got));
        }
    }
    // As far as one response with a known end goes.
    std::string receive_until(const std::string& end) {
        std::string out;
        char c = 0;
        while (!out.ends_with(end) && ::recv(socket_, &c, 1, 0) == 1)
            out += c;
        return out;
    }
    [[nodiscard]] bool connected() const { return connected_; }

private:
    int socket_;
    bool connected_ = false;
};

std::string get(const std::string& path, const std::string& more = "Connection: close\r\n") {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

Page answer(const std::string& path) {
    if (path == "/")
        return {.type = "text/html; charset=utf-8",
                .body = "<p>hi",
                .policy = "default-src 'none'; img-src 'self'"};
    if (path == "/healthz")
        return {.status = 503, .body = "not well\n", .policy = {}};
    if (path == "/api/status")
        throw std::runtime_error("secret path");
    return {.body = "m " + path + "\n", .policy = {}};
}

class Http : public testing::Test {
protected:
    std::string ask(const std::string& bytes) { return ask(server, bytes); }
    static std::string ask(const HttpServer& at, const std::string& bytes) {
        Client client(at.port());
        client.send(bytes);
        return client.receive();
    }
    HttpServer server{{.port = 0}, answer};
};

TEST_F(Http, ServesAPageWithItsPolicy) {
    const auto got = ask(get("/"));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(got, EndsWith("\r\n\r\n<p>hi"));
    for (const auto* line :
         {"Content-Type: text/html; charset=utf-8", "Content-Length: 5", "Connection: close",
          "Content-Security-Policy: default-src 'none'; img-src 'self'", "Cache-Control: no-store",
          "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY", "Referrer-Policy: no-referrer"})
        EXPECT_THAT(got, HasSubstr("\r\n" + std::string(line) + "\r\n"));
}

TEST_F(Http, APageWithoutAPolicyMayLoadNothing) {
    EXPECT_THAT(ask(get("/metrics")),
                HasSubstr("\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"));
}

TEST_F(Http, TheQueryIsNotPartOfThePath) {
    EXPECT_THAT(ask(get("/metrics?a=/b")), EndsWith("m /metrics\n"));
    EXPECT_THAT(ask(get("http://host:1/metrics")), EndsWith("m /metrics\n"));
}

TEST_F(Http, HeadIsGetWithoutABody) {
    const auto got = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(got, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(got, HasSubstr("Content-Length: 11\r\n"));
    EXPECT_THAT(got, EndsWith("\r\n\r\n"));
    EXPECT_THAT(ask("HEAD /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), EndsWith("\r\n\r\n"));
}

TEST_F(Http, OtherPathsAreNotFound) {
    for (const auto* path : {"/favicon.ico", "/metrics/", "/../etc/passwd", "/%2e%2e/", "//metrics", "/api"})
        EXPECT_THAT(ask(get(path)), StartsWith("HTTP/1.1 404 Not Found\r\n")) << path;
}

TEST_F(Http, OtherMethodsAreRefused) {
    for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"}) {
        const auto got =
            ask(std::string(method) + " /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        EXPECT_THAT(got, StartsWith("HTTP/1.1 405 Method Not Allowed\r\n")) << method;
        EXPECT_THAT(got, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
    }
    EXPECT_THAT(ask("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(ask("CONNECT host:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                StartsWith("HTTP/1.1 405"));
}

TEST_F(Http, AnAnswerSaysItsStatus) {
    const auto got = ask(get("/healthz"));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_THAT(got, EndsWith("not well\n"));
}

TEST_F(Http, AnAnswerThatThrowsIsAnErrorWithoutTheReason) {
    const auto got = ask(get("/api/status"));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
    EXPECT_THAT(got, Not(HasSubstr("secret")));
    EXPECT_THAT(ask(get("/metrics")), StartsWith("HTTP/1.1 200"));
}

TEST_F(Http, BodiesAreRefused) {
    EXPECT_THAT(ask(get("/metrics", "Content-Length: 3\r\n") + "abc"), StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(ask(get("/metrics", "Transfer-Encoding: chunked\r\n")), StartsWith("HTTP/1.1 413 "));
    EXPECT_THAT(ask(get("/metrics", "Content-Length: 0\r\nConnection: close\r\n")),
                StartsWith("HTTP/1.1 200 "));
}

TEST_F(Http, WhatIsNotHttpIsRefusedAtOnce) {
    for (const std::string& bytes :
         {std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("GET /metrics HTTP/1.1\nHost: x\n\n"),
          std::string("hello\r\n\r\n"), std::string("GET /metrics\r\n\r\n"),
          std::string("GET  /metrics HTTP/1.1\r\n\r\n"),
          std::string("GET metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
          std::string("GET /metrics HTTP/1.1\r\n\r\n"), get("/metrics", "Host: y\r\n"),
          get("/metrics", " folded\r\n"), get("/metrics", "a b: c\r\n"),
          get("/metrics", "Content-Length: 1\r\nContent-Length: 2\r\n"),
          get("/metrics", "Content-Length: -1\r\n"), get("/metrics", "Content-Length : 0\r\n"),
          get("/metrics", std::string("X: a\0b\r\n", 8)), get("/metrics", "no colon\r\n"), get("/me\rtrics")})
        EXPECT_THAT(ask(bytes), StartsWith("HTTP/1.1 400 ")) << bytes;
    EXPECT_THAT(ask("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
}

TEST_F(Http, HeadersHaveALimit) {
    const std::string rest = get("/metrics", "Connection: close\r\nX: \r\n");
    const auto of = [&](std::size_t size) {
        return get("/metrics", "Connection: close\r\nX: " + std::string(size - rest.size(), 'a') + "\r\n");
    };
    EXPECT_THAT(ask(of(longest_head)), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(ask(of(longest_head + 1)), StartsWith("HTTP/1.1 431 "));
    const auto got = ask("GET /" + std::string(40'000, 'a'));
    EXPECT_THAT(got, StartsWith("HTTP/1.1 431 "));
    EXPECT_THAT(got,
                EndsWith("\n")); // not reset: the kernel would take back what the client has not read yet
}

TEST_F(Http, AConnectionMayAskAgainAHandfulOfTimes) {
    Client client(server.port());
    for (int i = 0; i < 7; ++i) {
        client.send(get("/metrics", ""));
        EXPECT_THAT(client.receive_until("m /metrics\n"), HasSubstr("Connection: keep-alive\r\n")) << i;
    }
    client.send(get("/metrics", ""));
    const auto last = client.receive();
    EXPECT_THAT(last, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(last, EndsWith("m /metrics\n"));
}

TEST_F(Http, AnOldClientHasOneAnswer) {
    const auto got = ask("GET /metrics HTTP/1.0\r\n\r\n");
    EXPECT_THAT(got, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(got, EndsWith("m /metrics\n"));
}

TEST_F(Http, AClientThatEndedSendingHasItsAnswer) {
    Client client(server.port());
    client.send(get("/metrics", ""));
    client.end_sending();
    EXPECT_THAT(client.receive(), EndsWith("m /metrics\n"));
    Client half(server.port());
    half.send("GET /metr");
    half.end_sending();
    EXPECT_THAT(half.receive(), StartsWith("HTTP/1.1 400 "));
    Client silent(server.port());
    silent.end_sending();
    EXPECT_EQ(silent.receive(), "");
}

TEST_F(Http, WhatIsSentAheadIsAnsweredInOrderUntilItIsGarbage) {
    const auto got =
        ask(get("/metrics", "") + get("/", "") + std::string("\0\xFF garbage", 10) + get("/healthz", ""));
    const auto first = got.find("m /metrics\n"), second = got.find("<p>hi"),
               third = got.find("HTTP/1.1 400 ");
    ASSERT_NE(third, got.npos) << got;
    EXPECT_LT(first, second);
    EXPECT_LT(second, third);
    EXPECT_THAT(got, Not(HasSubstr("not well")));
}

TEST_F(Http, GarbageNeverEndsTheServer) {
    std::mt19937 random(7);
    const std::string words[]{"GET ",
                              "/",
                              " HTTP/1.1",
                              "\r\n",
                              "Host: x",
                              ":",
                              "\n",
                              std::string(1, '\0'),
                              "\xFF",
                              "HEAD",
                              "Content-Length: ",
                              "99999999999999999999",
                              "a",
                              " ",
                              "\r",
                              "http://",
                              "?",
                              "Connection: close"};
    for (int i = 0; i < 300; ++i) {
        std::string bytes;
        for (std::size_t n = random() % 30; n > 0; --n)
            bytes += words[random() % std::size(words)];
        Client client(server.port());
        client.send(bytes);
        if (i % 3 != 0)
            client.end_sending();
        if (i % 3 == 1)
            client.receive();
    }
    EXPECT_THAT(ask(get("/metrics")), EndsWith("m /metrics\n"));
}

TEST_F(Http, ASlowRequestIsToldAndEnded) {
    Client client(server.port());
    Client silent(server.port());
    client.send("GET /metrics HTTP/1.1\r\n");
    std::jthread dripping([&](const std::stop_token& stop) {
        while (!stop.stop_requested() && client.send("X: y\r\n"))
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
    });
    EXPECT_THAT(client.receive(), StartsWith("HTTP/1.1 408 "));
    dripping.request_stop();
    EXPECT_EQ(silent.receive(), ""); // closed too, without a word
}

TEST(HttpServer, AnswersWhile500SlowClientsAreAttached) {
    const HttpServer server({.port = 0}, answer);
    const auto descriptors = [] {
        return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    };
    std::vector<Client> slow;
    const auto before = descriptors();
    for (int i = 0; i < 500; ++i) {
        slow.emplace_back(server.port());
        if (i % 5 != 0) // some say nothing at all
            slow.back().send(i % 2 == 0 ? "GET /metrics HTTP/1.1\r\nX: " : "G");
    }
    for (int i = 0; i < 5; ++i) {
        Client good(server.port());
        good.send(get("/metrics"));
        EXPECT_THAT(good.receive(), EndsWith("m /metrics\n"));
    }
    EXPECT_LE(descriptors() - before, 500 + 64 + 2);
}

TEST(HttpServer, AClientThatTakesNothingKeepsNobodyOut) {
    const HttpServer server({.port = 0}, [](const std::string& path) {
        return Page{.body = path == "/" ? std::string(1'500'000, 'x') : "small\n", .policy = {}};
    });
    std::vector<Client> lazy;
    for (int i = 0; i < 140; ++i) {
        lazy.emplace_back(server.port(), 4096);
        lazy.back().send(get("/"));
    }
    Client good(server.port());
    good.send(get("/metrics"));
    EXPECT_THAT(good.receive(), EndsWith("small\n"));
}

TEST(HttpServer, ALongPageArrivesWhole) {
    const std::string body(5'000'000, 'x');
    const HttpServer server({.port = 0},
                            [&](const std::string&) { return Page{.body = body, .policy = {}}; });
    Client client(server.port(), 8192);
    client.send(get("/"));
    const auto got = client.receive();
    EXPECT_EQ(got.size() - got.find("\r\n\r\n") - 4, body.size());
}

TEST(HttpServer, AsksForTwoPagesAtOnceAtMostAndAtLowPriority) {
    std::atomic<int> now = 0, most = 0, priority = 0;
    const HttpServer server({.port = 0}, [&](const std::string&) {
        const int running = ++now;
        for (int seen = most; running > seen && !most.compare_exchange_weak(seen, running);) {
        }
        priority = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        --now;
        return Page{.body = "ok", .policy = {}};
    });
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) {
        clients.emplace_back(server.port());
        clients.back().send(get("/"));
    }
    for (auto& each : clients)
        EXPECT_THAT(each.receive(), EndsWith("ok"));
    EXPECT_EQ(most, 2);
    EXPECT_GE(priority, 10);
    EXPECT_LT(::getpriority(PRIO_PROCESS, 0), 10); // the caller's own stays
}

// Pages that nobody waits for any more are not made.
TEST(HttpServer, AClientThatLeftIsForgotten) {
    std::atomic<int> asked = 0;
    std::atomic<bool> go = false;
    const HttpServer server({.port = 0}, [&](const std::string&) {
        ++asked;
        while (!go)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return Page{.body = "ok", .policy = {}};
    });
    Client first(server.port()), second(server.port());
    first.send(get("/"));
    second.send(get("/"));
    while (asked < 2)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    for (int i = 0; i < 10; ++i) {
        Client gone(server.port());
        gone.send(get("/"));
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        gone.reset();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    go = true;
    EXPECT_THAT(first.receive(), EndsWith("ok"));
    Client last(server.port());
    last.send(get("/"));
    EXPECT_THAT(last.receive(), EndsWith("ok"));
    EXPECT_EQ(asked, 3);
}

TEST(HttpServer, EndsWithClientsAttached) {
    std::vector<Client> clients;
    {
        const HttpServer server({.port = 0}, answer);
        for (int i = 0; i < 100; ++i) {
            clients.emplace_back(server.port());
            clients.back().send("GET / HT");
        }
        clients.emplace_back(server.port());
        clients.back().send(get("/", ""));
        EXPECT_THAT(clients.back().receive_until("<p>hi"), EndsWith("<p>hi"));
    } // hangs here, if it waited for them
    EXPECT_THAT(clients.front().receive(), Not(HasSubstr("still open")));
}

TEST(HttpServer, ATakenPortIsAnErrorThatNamesIt) {
    const HttpServer first({.port = 0}, answer);
    try {
        const HttpServer second({.port = first.port()}, answer);
        FAIL() << "the port was free";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::failed);
        EXPECT_THAT(error.what(), HasSubstr("can't listen on 127.0.0.1:" + std::to_string(first.port())));
        EXPECT_FALSE(error.remedy().empty());
    }
    EXPECT_THROW(HttpServer({.address = "localhost.example", .port = 0}, answer), Error);
}

TEST(HttpServer, ListensOnIpv6WhichIsIpv4Too) {
    std::unique_ptr<HttpServer> server;
    try {
        server = std::make_unique<HttpServer>(HttpOptions{.address = "::", .port = 0}, answer);
    } catch (const Error& error) {
        GTEST_SKIP() << "no IPv6 here: " << error.what();
    }
    Client client(server->port());
    client.send(get("/metrics"));
    EXPECT_THAT(client.receive(), EndsWith("m /metrics\n"));
}

TEST(HttpMessage, AHeaderCannotBeForgedByAPage) {
    const auto text =
        response_text({.type = "a\r\nEvil: 1", .body = "", .policy = "b\nEvil: 2"}, true, false);
    EXPECT_THAT(text, Not(HasSubstr("\nEvil")));
}

} // namespace
} // namespace miraclemax::serve
