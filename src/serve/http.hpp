// The status over HTTP: read-only, GET and HEAD alone.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace miraclemax::serve {

struct Page {
    int status = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
    std::string policy; // Content-Security-Policy, where it is HTML
};

// GET / (HTML), /metrics, /api/status, /healthz; anything else 404, another method 405. Called from the
// server's threads, at most two at once; must be thread-safe and may throw (500, without the reason).
using Answer = std::function<Page(const std::string& path)>;

struct HttpOptions {
    std::string address = "127.0.0.1"; // or "0.0.0.0", "::"
    int port = 9847;                   // 0: any free one, for tests
};

// Listens and answers in threads of its own until it is destroyed, which takes at most a second or two
// whatever clients do. Caps: 64 connections at once (further ones wait in the kernel's queue or are closed),
// 8 KiB of request headers, no request body, 5 s to send a request, 10 s to take an answer, a handful of
// requests a connection. A slow client costs a descriptor and nothing else; the threads run at low priority
// (nice 10): a backup goes first.
class HttpServer {
public:
    HttpServer(const HttpOptions& options, Answer answer); // throws Error (failed): the port is taken
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    [[nodiscard]] int port() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace miraclemax::serve
