// deliver() against a real Alertmanager (Debian's prometheus-alertmanager).
#include "telemetry/notifications.hpp"

#include "contract/telemetry/server.hpp"
#include "error.hpp"
#include "unit/telemetry/sample_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>

namespace miraclemax::telemetry {
namespace {

using namespace miraclemax::telemetry::testing;
using nlohmann::json;

constexpr const char* program = "/usr/bin/prometheus-alertmanager";

std::string free_port() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    const bool ok = ::bind(fd, plain, length) == 0 && ::getsockname(fd, plain, &length) == 0;
    ::close(fd);
    return ok ? std::to_string(ntohs(address.sin_port)) : "";
}

class AlertmanagerTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (::access(program, X_OK) != 0)
            GTEST_SKIP() << program << " is not installed";
        std::ofstream(folder_ / "am.yml") << "route: {receiver: none}\nreceivers: [{name: none}]\n";
        const auto port = free_port();
        url_ = "http://127.0.0.1:" + port;
        server_ = std::make_unique<Server>(
            std::vector<std::string>{program, "--config.file=" + (folder_ / "am.yml").string(),
                                     "--storage.path=" + (folder_ / "data").string(),
                                     "--cluster.listen-address=", "--web.listen-address=127.0.0.1:" + port});
        for (int i = 0; i < 200 && get("/-/ready") != "OK"; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        ASSERT_EQ(get("/-/ready"), "OK");
    }
    std::string get(const std::string& path) const {
        std::string out;
        FILE* pipe = ::popen(("curl -sf --noproxy '*' '" + url_ + path + "'").c_str(), "re");
        char buffer[4096];
        while (const auto count = std::fread(buffer, 1, sizeof buffer, pipe))
            out.append(buffer, count);
        ::pclose(pipe);
        return out.substr(0, out.find_last_not_of('\n') + 1);
    }
    // The components whose alerts fire now, by name; "-" for the run as a whole.
    std::string firing() const {
        std::vector<std::string> names;
        for (const json& alert : json::parse(get("/api/v2/alerts?active=true")))
            names.push_back(alert.at("labels").value("component", "-"));
        std::sort(names.begin(), names.end());
        std::string all;
        for (const auto& name : names)
            all += (all.empty() ? "" : " ") + name;
        return all;
    }
    Message now(const std::string& id, std::vector<std::string> firing,
                std::vector<std::string> ended) const {
        auto message = failure(id);
        message.at = std::chrono::system_clock::now() - std::chrono::seconds(2);
        message.firing = std::move(firing);
        message.ended = std::move(ended);
        return message;
    }

    TempFolder folder_;
    std::string url_;
    std::unique_ptr<Server> server_;
};

TEST_F(AlertmanagerTest, AlertsFireAndEnd) {
    const Channel channel{.kind = Channel::Kind::alertmanager, .name = "alertmanager", .url = url_};
    deliver(channel, now("r1", {"n8n", "gr\r\naf\"ana"}, {}));
    EXPECT_EQ(firing(), "gr af\"ana n8n");
    const auto alert = json::parse(get("/api/v2/alerts?filter=component%3Dn8n")).at(0);
    EXPECT_EQ(alert["labels"], json({{"alertname", "BackupFailed"},
                                     {"severity", "critical"},
                                     {"component", "n8n"},
                                     {"instance", "nas"}}));
    EXPECT_EQ(alert["annotations"]["runbook_url"], "https://runbook.example/r#backupfailed");
    EXPECT_EQ(alert["annotations"]["description"], "The backup failed.\n.\n..two dots\n");
    deliver(channel, now("r2", {"n8n", ""}, {"gr\r\naf\"ana"}));
    EXPECT_EQ(firing(), "- n8n");
    deliver(channel, now("r3", {}, {"n8n", ""}));
    EXPECT_EQ(firing(), "");
}

TEST_F(AlertmanagerTest, AnAlertWithoutANameIsRefusedWithItsWords) {
    auto message = now("r1", {"x"}, {});
    message.alert = "";
    message.instance = "";
    message.occasion = Occasion::failure;
    const Channel channel{
        .kind = Channel::Kind::alertmanager, .name = "alertmanager", .url = url_ + "/nowhere"};
    try {
        deliver(channel, message);
        ADD_FAILURE() << "it was taken";
    } catch (const Error& error) {
        EXPECT_THAT(error.what(), ::testing::HasSubstr("the server answered 404"));
    }
}

} // namespace
} // namespace miraclemax::telemetry
