"""Known names of review columns, from many exports and six languages."""

PRODUCT_IDS = (
    "productparent", "parentasin", "productid", "asin", "asins", "productasin", "producthandle", "handle",
    "productsku", "sku", "prodid", "itemid", "businessid", "hotel", "product",
)  # fmt: skip
"""What columns that tell products apart are called, plainly; that of a whole family of variants first."""
NAMES: dict[str, tuple[str, ...]] = {
    "review_id": ("reviewid", "reviewuuid", "id", "uuid"),
    "rating": (
        "rating", "stars", "starrating", "star", "score", "overall", "reviewrating", "reviewstars",
        "reviewscore", "ratingvalue", "reviewratingratingvalue", "ratingsoverall", "overallrating",
        "customerrating", "starsrating", "ratingscore", "userrating", "rate", "numberofstars", "givenrating",
        "userratingoutof5", "ratingoutof5", "bewertung", "sterne", "sternebewertung", "note", "étoiles",
        "etoiles", "nombredétoiles",
        "calificación", "calificacion", "puntuación", "puntuacion", "valoración", "valoracion", "estrellas",
        "valutazione", "stelle", "punteggio", "評価", "星", "星評価",
    ),
    "date": (
        "reviewdate", "date", "reviewposteddate", "reviewtime", "reviewtimestamp", "timestamp", "time",
        "unixreviewtime", "createdat", "datecreated", "created", "publishedat", "publisheddate", "datepublished",
        "submittedat", "submissiontime", "postedat", "dateposted", "posted", "reviewcreatedat", "dateofreview",
        "reviewedat", "revieweddate", "reviewcreationdate", "creationdate", "createdutc", "reviewcreated",
        "reviewcreatedutc", "datereviewed", "dateadded", "datesubmitted", "reviewsubmitdateandtime",
        "datespublisheddate", "submitteddate", "submissiondate", "createdtime", "createtime", "createddate",
        "reviewsubmissiontime", "evaldate", "commentdate", "commenttime", "published", "at", "datum",
        "bewertungsdatum", "erstelltam", "datedelavis", "datedepublication", "fecha", "fechadelareseña",
        "fechadelaopinión", "data", "datadellarecensione", "datarecensione", "日付", "投稿日", "レビュー日",
    ),
    "title": (
        "reviewtitle", "title", "reviewheadline", "headline", "reviewheader", "summary", "reviewsummary",
        "subject", "heading", "reviewheading", "titel", "bewertungstitel", "überschrift", "titre",
        "titredelavis", "título", "titulo", "titolo", "titolorecensione", "タイトル", "件名",
    ),
    "text": (
        "reviewtext", "reviewbody", "text", "body", "content", "review", "reviewcontent", "reviewdescription",
        "comment", "comments", "commentcontent", "reviewcomment", "message", "feedback", "contenttext",
        "textcontent", "buyerfeedback", "bewertungstext", "rezension", "rezensionstext", "kommentar",
        "commentaire", "avis", "textedelavis", "texte", "contenu", "comentario", "reseña", "resena", "opinión",
        "opinion", "texto", "recensione", "testo", "testorecensione", "commento", "本文", "レビュー", "コメント",
        "内容", "レビュー本文",
    ),
    "reviewer_id": (
        "reviewerid", "userid", "customerid", "authorid", "profileid", "reviewerprofileid", "consumerid",
        "accountid", "userprofileid", "reviewerreviewerid", "reviewconsumeruserid", "consumeruserid",
    ),
    "reviewer_name": (
        "reviewername", "reviewer", "author", "username", "user", "authorname", "customername", "customer",
        "profilename", "displayname", "consumerdisplayname", "consumername", "nickname", "userdisplayname",
        "reviewerdisplayname", "usernickname", "reviewusername", "authortitle", "commentauthor", "buyername",
        "rezensent", "verfasser", "kunde", "auteur", "pseudo", "autor", "cliente", "usuario", "autore", "投稿者",
        "ニックネーム", "ユーザー名",
    ),
    "verified": (
        "verifiedpurchase", "isverifiedpurchase", "verified", "isverified", "verifiedbuyer", "isverifiedbuyer",
        "verifiedreview", "avp", "verifiedreviewer", "reviewerisverified", "isreviewverified",
        "labelsverificationisverified", "bage", "verifizierterkauf", "verifiziert", "achatvérifié", "achatverifie",
        "compraverificada", "acquistoverificato", "購入確認済み",
    ),
    "incentivised": (
        "vine", "vinecustomer", "isvine", "vinereview", "isamazonvine", "incentivised", "incentivized",
        "isincentivised", "isincentivized", "isincentivizedreview", "isincentivisedreview",
    ),
    "product_id": PRODUCT_IDS,
    "product_title": ("producttitle", "productname", "productinfotitle", "productsproductproductname"),
}  # fmt: skip
"""For each part; the better-known name first. No name is in two parts."""
