#include "telemetry/mail.hpp"
#include "telemetry/notifications.hpp"
#include "telemetry/posts.hpp"

#include "error.hpp"
#include "telemetry/escaping.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include <sys/socket.h>

namespace miraclemax::telemetry {
namespace {

constexpr std::size_t answer_limit = 4096;
constexpr std::size_t quoted_limit = 300;

struct Cleanup {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Easy = std::unique_ptr<CURL, Cleanup>;
using Url = std::unique_ptr<CURLU, Cleanup>;
using List = std::unique_ptr<curl_slist, Cleanup>;

struct Transfer {
    std::string_view upload{};
    std::string answer{};       // HTTP: the body's beginning
    std::string last_refusal{}; // SMTP: the last line 4xx or 5xx
    std::stop_token stop{};
    std::array<char, CURL_ERROR_SIZE> detail{};
};

// The callbacks only append to strings of bounded length; what they can't keep is left out.
std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* user) noexcept {
    auto& answer = static_cast<Transfer*>(user)->answer;
    try {
        answer.append(data, std::min(size * count, answer_limit - std::min(answer_limit, answer.size())));
    } catch (...) {
        return 0;
    }
    return size * count;
}

std::size_t take_line(const char* data, std::size_t size, std::size_t count, void* user) noexcept {
    const std::string_view line(data, size * count);
    try {
        if (line.starts_with('4') || line.starts_with('5'))
            static_cast<Transfer*>(user)->last_refusal = line.substr(0, answer_limit);
    } catch (...) {
        return 0;
    }
    return size * count;
}

std::size_t give(char* into, std::size_t size, std::size_t count, void* user) noexcept {
    auto& rest = static_cast<Transfer*>(user)->upload;
    const auto length = std::min(size * count, rest.size());
    std::memcpy(into, rest.data(), length);
    rest.remove_prefix(length);
    return length;
}

int watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

// libcurl before 8.13 makes sockets that a worker would inherit.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) noexcept {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

template<typename Value> void set(const Easy& easy, CURLoption option, Value value) {
    if (const auto code = curl_easy_setopt(easy.get(), option, value); code != CURLE_OK)
        throw Error(ExitCode::failed, fmt::format("libcurl: {}", curl_easy_strerror(code)));
}

void append(List& list, const std::string& line) {
    auto* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr)
        throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
}

std::string part_of(const Url& url, CURLUPart part) {
    char* text = nullptr;
    if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK)
        return "";
    std::string out(text);
    curl_free(text);
    return out;
}

// "smtp://mail.example.org:587": a path may be a secret, a user always is.
std::string place_of(const std::string& text) {
    const Url url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        throw Error(ExitCode::config, "its URL is none", "look into the configuration, section notify");
    const auto port = part_of(url, CURLUPART_PORT);
    return one_line(part_of(url, CURLUPART_SCHEME) + "://" + part_of(url, CURLUPART_HOST) +
                    (port.empty() ? "" : ":" + port));
}

void prepare(const Easy& easy, const Channel& channel, const Patience& patience, Transfer& transfer) {
    const bool smtp = channel.kind == Channel::Kind::smtp;
    set(easy, CURLOPT_PROTOCOLS_STR, smtp ? "smtp,smtps" : "http,https");
    set(easy, CURLOPT_NOSIGNAL, 1L);
    // For SMTP libcurl counts everything up to the login, and servers let a stranger wait for their greeting.
    const auto connect = smtp ? std::min(3 * patience.connect, patience.all) : patience.connect;
    set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
    set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(patience.all.count()));
    set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!channel.ca_file.empty()) { // it alone is believed then
        set(easy, CURLOPT_CAINFO, channel.ca_file.c_str());
        set(easy, CURLOPT_CAPATH, static_cast<char*>(nullptr));
    }
    if (!channel.user.empty()) {
        set(easy, CURLOPT_USERNAME, channel.user.c_str());
        set(easy, CURLOPT_PASSWORD, channel.password.c_str());
    }
    set(easy, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(easy, CURLOPT_XFERINFOFUNCTION, &watch);
    set(easy, CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_WRITEFUNCTION, &take_body);
    set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
    set(easy, CURLOPT_ERRORBUFFER, transfer.detail.data());
}

std::string without(std::string text, const std::string& secret) {
    if (!secret.empty())
        for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
            text.replace(at, secret.size(), "***");
    return text;
}

std::string excerpt(const std::string& answer) {
    return shortened(header_text(answer), quoted_limit);
}

Error failure(CURLcode code, const Channel& channel, const Transfer& transfer) {
    const std::string detail = transfer.detail[0] != '\0' ? transfer.detail.data() : curl_easy_strerror(code);
    const auto answer =
        transfer.last_refusal.empty() ? "" : ": it says \"" + excerpt(transfer.last_refusal) + "\"";
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return {ExitCode::failed, "no answer in time: " + excerpt(detail)};
    case CURLE_ABORTED_BY_CALLBACK:
        return {ExitCode::interrupted, "stopped"};
    case CURLE_PEER_FAILED_VERIFICATION:
        return {
            ExitCode::failed, "the server's certificate is not trusted: " + excerpt(detail),
            "name the authority's certificate (notify.mail.ca_file), or the server as its certificate does"};
    case CURLE_SSL_CACERT_BADFILE:
        return {ExitCode::failed, "the authority's certificate can't be read: " + one_line(channel.ca_file),
                "look at notify.mail.ca_file"};
    case CURLE_USE_SSL_FAILED:
        return {
            ExitCode::failed, "the server offers no STARTTLS",
            "use smtps:// where it has a port for TLS; set notify.mail.starttls to false only where nobody "
            "can listen"};
    case CURLE_LOGIN_DENIED:
        return {ExitCode::failed, "the server refused the login" + answer,
                "look at the user and the password file"};
    default:
        return {ExitCode::failed, excerpt(detail) + answer};
    }
}

void send_mail(const Easy& easy, const Channel& channel, const Message& message, Transfer& transfer) {
    const bool tls = channel.starttls || channel.url.starts_with("smtps:");
    if (!tls && !channel.password.empty())
        throw Error(ExitCode::config, "a password is not sent in the clear",
                    "set notify.mail.starttls to true");
    const auto mail = mail_for(channel, message);
    transfer.upload = mail.content;
    List recipients;
    for (const auto& recipient : mail.recipients)
        append(recipients, "<" + recipient + ">");
    const auto sender = "<" + mail.sender + ">";
    set(easy, CURLOPT_URL, channel.url.c_str());
    set(easy, CURLOPT_USE_SSL, static_cast<long>(tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    set(easy, CURLOPT_MAIL_FROM, sender.c_str());
    set(easy, CURLOPT_MAIL_RCPT, recipients.get());
    set(easy, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L); // one address that is gone must not silence the others
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_READFUNCTION, &give);
    set(easy, CURLOPT_READDATA, static_cast<void*>(&transfer));
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(mail.content.size()));
    set(easy, CURLOPT_HEADERFUNCTION, &take_line); // for SMTP it gets the server's lines
    set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
    if (const auto code = curl_easy_perform(easy.get()); code != CURLE_OK)
        throw failure(code, channel, transfer);
}

void send_post(const Easy& easy, const Channel& channel, const Message& message, Transfer& transfer) {
    const auto post = post_for(channel, message);
    List headers;
    append(headers, "Expect:");
    for (const auto& header : post.headers)
        append(headers, header);
    set(easy, CURLOPT_URL, post.url.c_str());
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
    set(easy, CURLOPT_POSTFIELDS, post.body.c_str());
    set(easy, CURLOPT_HTTPHEADER, headers.get());
    set(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    set(easy, CURLOPT_USERAGENT, "miraclemax/" MIRACLEMAX_VERSION);
    const auto code = curl_easy_perform(easy.get());
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 == 2)
        return; // it was taken, even if the rest of the answer is missing
    if (code != CURLE_OK)
        throw failure(code, channel, transfer);
    throw Error(ExitCode::failed,
                fmt::format("the server answered {}{}", status,
                            transfer.answer.empty() ? "" : ": " + excerpt(transfer.answer)));
}

} // namespace

void deliver(const Channel& channel, const Message& message) {
    deliver_within({}, channel, message);
}

void deliver_within(const Patience& patience, const Channel& channel, const Message& message) {
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_ALL);
    std::string context = channel.name;
    try {
        if (ready != CURLE_OK)
            throw Error(ExitCode::failed, fmt::format("libcurl: {}", curl_easy_strerror(ready)));
        context += " (" + place_of(channel.url) + ")";
        Transfer transfer{.stop = patience.stop}; // outlives the handle, which holds pointers into it
        const Easy easy(curl_easy_init());
        if (!easy)
            throw std::bad_alloc();
        prepare(easy, channel, patience, transfer);
        if (channel.kind == Channel::Kind::smtp)
            send_mail(easy, channel, message, transfer);
        else
            send_post(easy, channel, message, transfer);
    } catch (const Error& error) {
        throw Error(ExitCode::failed, without(error.what(), channel.password), error.remedy()).with(context);
    }
}

} // namespace miraclemax::telemetry
