namespace Cuvee.Server;

/// <summary>A request that is refused; one sentence for the caller.</summary>
/// <param name="status">HTTP's.</param>
/// <param name="type">OpenAI's word for the kind of error.</param>
/// <param name="retryAfter">When to ask again; null: never as it stands.</param>
internal sealed class ServiceException(int status, string type, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    public int Status => status;

    public string Type => type;

    public TimeSpan? RetryAfter => retryAfter;

    public static ServiceException Unauthorized() =>
        new(401, "authentication_error", "The request has no key that this server knows; send \"Authorization: Bearer KEY\".");

    public static ServiceException Forbidden(string right) => new(
        403, "permission_error", $"The key lacks the right '{right}'; ask the server's owner to add it to the key's 'rights'.");

    public static ServiceException ForbiddenHost(string host) => new(
        403, "permission_error",
        $"The request asks for host '{host}', and without keys the server answers as localhost or 127.0.0.1 alone; ask it there, or " +
        "start it with --keys.");

    public static ServiceException NotFound(string message) => new(404, "invalid_request_error", message);

    public static ServiceException TooLarge(long limit) =>
        new(413, "invalid_request_error", $"The body is over {limit} bytes; send smaller requests.");

    public static ServiceException OverLimit(string what, TimeSpan retryAfter) =>
        new(429, "rate_limit_error", $"The key is over its limit of {what}; ask again after the time in Retry-After.", retryAfter);

    public static ServiceException Unavailable(string message) => new(503, "server_error", message, TimeSpan.FromSeconds(1));
}
