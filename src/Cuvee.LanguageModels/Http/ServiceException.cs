namespace Cuvee.LanguageModels.Http;

/// <summary>A service refused a request, or failed to answer it in every attempt.</summary>
/// <param name="status">Of the last answer; null where none arrived.</param>
public sealed class ServiceException(string message, int? status, Exception? inner = null) : LanguageModelException(message, inner)
{
    public int? Status => status;

    /// <summary>The last answer was a success of no use: a service that bills has billed it.</summary>
    public bool IsBilled => status is >= 200 and < 300;
}

/// <summary>An answer of status 200 that lacks what it must hold, or is no JSON; the request is sent again.</summary>
/// <param name="message">Follows the request's name, such as "has 3 log-probabilities instead of 4".</param>
public sealed class UnusableAnswerException(string message, Exception? inner = null) : Exception(message, inner);
