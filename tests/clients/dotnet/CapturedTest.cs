// A test of a program that sends mail, in C# with xUnit: it sends by SMTP (MailKit), and reads by the HTTP API
// what came of it.  `kairan demo` writes host, port, account and key into demo.json.
//
// Written by the documentation of .NET 8, xUnit 2 and MailKit 4, and not run: Debian has no .NET.
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;
using Xunit;

public class CapturedTest
{
    static string Given(string name) => Environment.GetEnvironmentVariable("KAIRAN_" + name)!;

    static readonly string User = Given("USER");
    static readonly string Recipient = Given("RECIPIENT");
    static readonly HttpClient Api = MakeApi();

    static HttpClient MakeApi()
    {
        var api = new HttpClient { BaseAddress = new Uri(Given("URL")) };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Given("API_KEY"));
        return api;
    }

    // Your program, in place of these lines.
    static async Task Send(string subject)
    {
        var message = new MimeMessage();
        message.From.Add(MailboxAddress.Parse(User));
        message.To.Add(MailboxAddress.Parse(Recipient));
        message.Subject = subject;
        message.Body = new TextPart("plain") { Text = "The text of " + subject };
        using var client = new SmtpClient();
        client.ServerCertificateValidationCallback = (_, certificate, _, _) =>
        {
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.Add(new X509Certificate2(Given("CA_FILE")));
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            return chain.Build(new X509Certificate2(certificate!));
        };
        await client.ConnectAsync(Given("HOST"), int.Parse(Given("PORT")), SecureSocketOptions.StartTls);
        await client.AuthenticateAsync(User, Given("PASSWORD"));
        await client.SendAsync(message);
        await client.DisconnectAsync(true);
    }

    [Fact]
    public async Task WhatTheProgramSendsIsWhatArrives()
    {
        var subject = Given("MARKER") + "-arrives";
        await Send(subject);
        var place = $"/v1/captured-mail?subject={subject}&to={WebUtility.UrlEncode(Recipient)}";
        var found = await Api.GetFromJsonAsync<JsonElement>(place + "&wait_seconds=20");
        var message = Assert.Single(found.GetProperty("messages").EnumerateArray());
        var whole = await Api.GetFromJsonAsync<JsonElement>($"/v1/captured-mail/{message.GetProperty("id")}");
        Assert.Contains("The text of " + subject, whole.GetProperty("text").GetString());
    }

    [Fact]
    public async Task TheProgramMeetsTheRefusalThatItsTestAsksFor()
    {
        var rule = new { address = Recipient, answer = "recipient-unknown" };
        (await Api.PostAsJsonAsync("/v1/faults", rule)).EnsureSuccessStatusCode();
        try
        {
            var refused = await Assert.ThrowsAsync<SmtpCommandException>(() => Send("refused"));
            Assert.Equal(550, (int)refused.StatusCode);
            Assert.Contains("5.1.10", refused.Message);
        }
        finally
        {
            await Api.DeleteAsync("/v1/faults?address=" + WebUtility.UrlEncode(Recipient));
        }
    }
}
