#include "config/options.hpp"

#include <algorithm>

namespace miraclemax::config {
namespace {

using Values = std::vector<std::string>;
using Wrong = std::optional<std::string>;

bool is_one_word(const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7F; });
}

Wrong wrong_url(const std::string& url, const std::string& one, const std::string& other) {
    const auto after = url.starts_with(one)     ? one.size()
                       : url.starts_with(other) ? other.size()
                                                : std::string::npos;
    if (after == std::string::npos || after == url.size() || !is_one_word(url))
        return "use a URL, " + one + "… or " + other + "…";
    const auto host = url.substr(after, url.find_first_of("/?#", after) - after);
    if (host.find('@') != std::string::npos)
        return "name no user in a URL: a secret is only read from a file";
    return std::nullopt;
}

auto url(std::string Notify::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.notify.*member = values.front();
        return wrong_url(values.front(), "https://", "http://");
    };
}

auto mail_text(std::string Notify::Mail::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        config.notify.mail.*member = values.front();
        return std::nullopt;
    };
}

auto mail_boolean(bool Notify::Mail::*member) {
    return [member](Config& config, const Values& values) -> Wrong {
        const auto& word = values.front();
        if (word != "true" && word != "True" && word != "false" && word != "False")
            return "use true or false";
        config.notify.mail.*member = word == "true" || word == "True";
        return std::nullopt;
    };
}

// Addresses are looked at closely when a mail is made; what is no list of them is told here already.
auto addresses(std::string Notify::Mail::*member, bool several) {
    return [member, several](Config& config, const Values& values) -> Wrong {
        const auto& text = values.front();
        const bool clean = std::none_of(text.begin(), text.end(), [](char c) {
            return static_cast<unsigned char>(c) < ' ' || c == 0x7F;
        });
        const auto ats = std::count(text.begin(), text.end(), '@');
        const auto commas = std::count(text.begin(), text.end(), ',');
        if (!clean || ats == 0 || ats != commas + 1 || (!several && commas > 0))
            return several ? "use addresses like bk@example.org, separated by commas"
                           : "use one address like bk@example.org or Backups <bk@example.org>";
        config.notify.mail.*member = text;
        return std::nullopt;
    };
}

Wrong set_mail_url(Config& config, const Values& values) {
    config.notify.mail.url = values.front();
    return wrong_url(values.front(), "smtps://", "smtp://");
}

Wrong set_mail_password(Config& config, const Values& values) {
    return read_secret(values.front(), "password", config.notify.mail.password);
}

Wrong set_ntfy_token(Config& config, const Values& values) {
    if (const auto wrong = read_secret(values.front(), "token", config.notify.ntfy_token))
        return wrong;
    return is_one_word(config.notify.ntfy_token) ? std::nullopt
                                                 : Wrong("put one word into the file, the token");
}

Wrong set_webhook_file(Config& config, const Values& values) {
    std::string text;
    if (const auto wrong = read_secret(values.front(), "URL", text))
        return wrong;
    config.notify.webhook = text;
    return wrong_url(text, "https://", "http://");
}

std::vector<Option> mail_options() {
    return {
        {.key = "notify.mail.url",
         .type = "URL",
         .standard = "\"\"",
         .text = "The mail server: smtp://host:587 (with STARTTLS) or smtps://host:465. Empty: no mail.",
         .set = set_mail_url},
        {.key = "notify.mail.starttls",
         .type = "true or false",
         .standard = "true",
         .text =
             "smtp:// is refused where the server offers no TLS. false: in the clear, without a password.",
         .set = mail_boolean(&Notify::Mail::starttls)},
        {.key = "notify.mail.user",
         .type = "name",
         .standard = "\"\"",
         .text = "Who logs in to the mail server. Empty: nobody.",
         .set = mail_text(&Notify::Mail::user)},
        {.key = "notify.mail.password_file",
         .type = "file",
         .standard = "\"\"",
         .text = "The password, in a file of one line.",
         .path = true,
         .set = set_mail_password},
        {.key = "notify.mail.from",
         .type = "address",
         .standard = "\"\"",
         .text = "The sender.",
         .set = addresses(&Notify::Mail::from, false)},
        {.key = "notify.mail.to",
         .type = "addresses",
         .standard = "\"\"",
         .text = "Who is told; several are separated by commas.",
         .set = addresses(&Notify::Mail::to, true)},
        {.key = "notify.mail.ca_file",
         .type = "file",
         .standard = "\"\"",
         .text = "The only authority that the mail server's certificate may be from. Empty: the system's.",
         .path = true,
         .set = mail_text(&Notify::Mail::ca_file)},
        {.key = "notify.mail.on_success",
         .type = "true or false",
         .standard = "false",
         .text = "Mail after each whole backup too, not only after a failure and its end.",
         .set = mail_boolean(&Notify::Mail::on_success)},
        {.key = "notify.mail.on_digest",
         .type = "true or false",
         .standard = "false",
         .text = "Mail what there was in the week, on Mondays.",
         .set = mail_boolean(&Notify::Mail::on_digest)},
    };
}

} // namespace

std::vector<Option> notify_options() {
    auto table = mail_options();
    table.push_back({.key = "notify.alertmanager.url",
                     .type = "URL",
                     .standard = "\"\"",
                     .text = "Alertmanager (its API v2), such as http://alertmanager:9093.",
                     .set = url(&Notify::alertmanager)});
    table.push_back({.key = "notify.ntfy.url",
                     .type = "URL",
                     .standard = "\"\"",
                     .text = "A topic of ntfy, such as https://ntfy.sh/my-backups.",
                     .set = url(&Notify::ntfy)});
    table.push_back({.key = "notify.ntfy.token_file",
                     .type = "file",
                     .standard = "\"\"",
                     .text = "ntfy's access token, in a file of one line.",
                     .path = true,
                     .set = set_ntfy_token});
    table.push_back({.key = "notify.webhook.url",
                     .type = "URL",
                     .standard = "\"\"",
                     .text = "Gets each message as a JSON object by POST.",
                     .set = url(&Notify::webhook)});
    table.push_back({.key = "notify.webhook.url_file",
                     .type = "file",
                     .standard = "\"\"",
                     .text = "The same URL where it is a secret, in a file of one line.",
                     .path = true,
                     .set = set_webhook_file});
    table.push_back(
        {.key = "notify.runbook",
         .type = "URL",
         .standard = "\"\"",
         .text = "Where the runbook can be read; messages link to its parts. Empty: they name the part.",
         .set = url(&Notify::runbook)});
    return table;
}

} // namespace miraclemax::config
