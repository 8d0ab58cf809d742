#include "podman/connection.hpp"

#include "podman/failure.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <exception>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

namespace miraclemax::podman {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct Easy {
    CURL* handle = curl_easy_init();
    curl_slist* headers = nullptr;
    Easy() = default;
    Easy(const Easy&) = delete;
    Easy& operator=(const Easy&) = delete;
    ~Easy() {
        curl_easy_cleanup(handle);
        curl_slist_free_all(headers);
    }
};

// What the callbacks of one transfer work on.
struct Transfer {
    CURL* handle = nullptr;
    const Request* request = nullptr;
    Answer answer{};
    bool head_ended = false; // libcurl takes an answer that ends within its head for a whole one
    bool too_large = false;
    std::exception_ptr thrown{};
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t take_header(const char* data, std::size_t size, std::size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    try {
        const std::string_view line(data, size * count);
        transfer.head_ended = trimmed(line).empty(); // false again when a head follows a "100 Continue"
        const auto colon = line.find(':');
        if (colon == std::string_view::npos)
            return size * count;
        std::string name(line.substr(0, colon));
        for (auto& letter : name)
            letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
        if (name == "content-type")
            transfer.answer.content_type = trimmed(line.substr(colon + 1));
        if (name == "libpod-api-version")
            transfer.answer.libpod_version = trimmed(line.substr(colon + 1));
        return size * count;
    } catch (...) {
        transfer.thrown = std::current_exception();
        return 0;
    }
}

std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* user) noexcept {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::size_t length = size * count;
    try {
        long status = 0;
        curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
        if (transfer.request->on_body && status / 100 == 2) {
            transfer.request->on_body({data, length});
            return length;
        }
        auto& body = transfer.answer.body;
        if (length > Connection::body_limit - body.size()) {
            transfer.too_large = true;
            return 0;
        }
        body.append(data, length);
        return length;
    } catch (...) {
        transfer.thrown = std::current_exception();
        return 0;
    }
}

// libcurl before 8.13 makes sockets that a worker would inherit.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

template<typename Value> void set(CURL* handle, CURLoption option, Value value) {
    if (const auto code = curl_easy_setopt(handle, option, value); code != CURLE_OK)
        throw Error(ExitCode::podman, fmt::format("libcurl: {}", curl_easy_strerror(code)));
}

void add_header(Easy& easy, const char* line) {
    auto* longer = curl_slist_append(easy.headers, line);
    if (longer == nullptr)
        throw std::bad_alloc();
    easy.headers = longer;
}

void prepare(Easy& easy, const Request& request, const std::string& socket, const std::string& url,
             Transfer& transfer) {
    CURL* handle = easy.handle;
    set(handle, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    set(handle, CURLOPT_URL, url.c_str());
    set(handle, CURLOPT_PROTOCOLS_STR, "http");
    set(handle, CURLOPT_PROXY, "");
    set(handle, CURLOPT_NOSIGNAL, 1L);
    set(handle, CURLOPT_PATH_AS_IS, 1L);
    set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(handle, CURLOPT_FRESH_CONNECT, 1L);
    set(handle, CURLOPT_FORBID_REUSE, 1L);
    set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(handle, CURLOPT_HEADERFUNCTION, &take_header);
    set(handle, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    set(handle, CURLOPT_WRITEFUNCTION, &take_body);
    set(handle, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    set(handle, CURLOPT_USERAGENT, "miraclemax/" MIRACLEMAX_VERSION);
    add_header(easy, "Expect:");
    add_header(easy, request.body.empty() ? "Content-Type:" : "Content-Type: application/json");
    if (request.method == "POST") {
        set(handle, CURLOPT_POST, 1L);
        set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    } else if (request.method != "GET") {
        set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    set(handle, CURLOPT_HTTPHEADER, easy.headers);
}

// One attempt: fills answer, or says why there is none.
std::optional<Failure> attempt(const Request& request, const std::string& socket, milliseconds time,
                               Answer& answer) {
    Easy easy;
    if (easy.handle == nullptr)
        throw std::bad_alloc();
    Transfer transfer{.handle = easy.handle, .request = &request};
    const std::string url = "http://d" + request.path;
    prepare(easy, request, socket, url, transfer);
    set(easy.handle, CURLOPT_TIMEOUT_MS, static_cast<long>(time.count()));
    const CURLcode code = curl_easy_perform(easy.handle);
    if (transfer.thrown)
        std::rethrow_exception(transfer.thrown);
    if (code == CURLE_OK && !transfer.head_ended)
        return Failure{.kind = Failure::Kind::cut, .detail = "within its head"};
    if (code == CURLE_OK) {
        curl_easy_getinfo(easy.handle, CURLINFO_RESPONSE_CODE, &transfer.answer.status);
        answer = std::move(transfer.answer);
        return std::nullopt;
    }
    switch (code) {
    case CURLE_COULDNT_CONNECT: {
        long number = 0;
        curl_easy_getinfo(easy.handle, CURLINFO_OS_ERRNO, &number);
        return Failure{.kind = kind_of_refusal(socket, static_cast<int>(number))};
    }
    case CURLE_OPERATION_TIMEDOUT:
        return Failure{.kind = Failure::Kind::deadline};
    case CURLE_OUT_OF_MEMORY:
        throw std::bad_alloc();
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return Failure{.kind = Failure::Kind::cut, .detail = curl_easy_strerror(code)};
    case CURLE_WRITE_ERROR:
        if (transfer.too_large)
            return Failure{.kind = Failure::Kind::too_large};
        [[fallthrough]];
    default:
        return Failure{.kind = Failure::Kind::garbage, .detail = curl_easy_strerror(code)};
    }
}

bool may_repeat(const Request& request, Failure::Kind kind) {
    switch (kind) {
    case Failure::Kind::missing:
    case Failure::Kind::refused:
    case Failure::Kind::busy:
        return request.wait_for_socket;
    case Failure::Kind::cut:
        return request.repeatable;
    default:
        return false;
    }
}

} // namespace

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_ALL);
    if (ready != CURLE_OK)
        throw Error(ExitCode::podman, fmt::format("libcurl: {}", curl_easy_strerror(ready)));
    if (options_.socket.size() >= sizeof(sockaddr_un::sun_path))
        throw Error(
            ExitCode::podman,
            fmt::format("the path of podman's socket is too long for a unix socket: {}", options_.socket),
            fmt::format("use a path of at most {} bytes", sizeof(sockaddr_un::sun_path) - 1));
}

Answer Connection::send(const Request& request) const {
    const auto deadline = request.deadline.count() > 0 ? request.deadline : options_.deadline;
    const auto end = Clock::now() + deadline;
    std::optional<Clock::time_point> give_up; // known from the first failure on
    milliseconds pause{20};
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        Answer answer;
        const auto failure = left.count() > 0 ? attempt(request, options_.socket, left, answer)
                                              : std::optional(Failure{.kind = Failure::Kind::deadline});
        if (!failure)
            return answer;
        const auto now = Clock::now();
        if (!give_up)
            give_up = std::min(end, now + options_.retry_for);
        if (!may_repeat(request, failure->kind) || now + pause >= *give_up) {
            const auto error = error_of(*failure, request.act, options_.socket, deadline);
            if (nobody_there(failure->kind))
                throw NotThere(error);
            throw error;
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, milliseconds{500});
    }
}

} // namespace miraclemax::podman
