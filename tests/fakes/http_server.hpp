// A scripted HTTP/1.1 server on a unix socket that can behave badly: drip, cut, hang, answer nonsense.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace miraclemax::fakes {

class HttpServer {
public:
    struct Request {
        std::string method{};
        std::string path{}; // with query
        std::string body{};
        std::string head{}; // request line and headers as they came
    };
    // The client's end of one request, for the handler that answers it (in a thread of its own).
    class Peer {
    public:
        void send(std::string_view bytes);                                  // false answers are ignored
        void drip(std::string_view bytes, std::chrono::milliseconds every); // one byte at a time
        void hang();                                                        // until the client leaves
        void keep_open() { keep_open_ = true; }                             // for another request

    private:
        friend class HttpServer;
        explicit Peer(HttpServer& server, int descriptor) : server_(server), descriptor_(descriptor) {}
        bool gone(std::chrono::milliseconds wait) const;
        HttpServer& server_;
        int descriptor_;
        bool keep_open_ = false;
    };
    using Handler = std::function<void(Peer&, const Request&)>;

    // Listens at once; a socket file that is there already is replaced.
    HttpServer(std::string path, Handler handler);
    ~HttpServer(); // closes every connection; leaves the socket file, as a killed podman does
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Every request so far, as "GET /v4.0.0/libpod/info".
    [[nodiscard]] std::vector<std::string> requests() const;
    [[nodiscard]] std::size_t count(std::string_view request) const; // requests that begin like this

    // A whole answer. An empty type leaves the header out.
    [[nodiscard]] static std::string answer(int status, std::string_view body,
                                            std::string_view type = "application/json",
                                            std::string_view more_headers = {});
    // Answers /libpod/_ping as podman of this version does, and gives the rest to the handler.
    [[nodiscard]] static Handler podman(Handler rest, std::string version = "4.3.1");

private:
    void accept_all();
    void talk(int descriptor);
    bool read_request(int descriptor, std::string& buffer, Request& request) const;

    std::string path_;
    Handler handler_;
    int listener_ = -1;
    std::atomic<bool> ending_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::vector<std::thread> talks_;
    std::thread accepting_;
};

} // namespace miraclemax::fakes
