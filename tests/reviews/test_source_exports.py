"""The exports of shops, apps, scrapers and data sets, as each of them names its columns."""

import datetime as dt
import json

import pytest
from source_reading import read

DAY = dt.date(2023, 8, 25)

TABLES = {
    "Yotpo": (
        "Review ID,Published,Review Creation Date,Review Title,Review Content,Review Score,Reviewer Name",
        "1,true,2023-08-25 10:11:12 UTC,Good,I like it,5,Ann",
    ),
    "Loox": (
        "product_handle,rating,author,email,body,created_at,photo_url,verified_purchase",
        "lamp,5,Ann,a@example.org,I like it,2023-08-25T10:11:12.000Z,,true",
    ),
    "Judge.me": (
        "title,body,rating,review_date,source,curated,reviewer_name,reviewer_email,product_id,product_handle,reply",
        "Good,I like it,5,2023-08-25 07:59:31 UTC,web,ok,Ann,a@example.org,123,lamp,",
    ),
    "WooCommerce": (
        "comment_ID,product_SKU,comment_author,comment_date,comment_content,comment_approved,user_id,rating,verified",
        "12,lamp,Ann,2023-08-25 10:11:12,I like it,1,0,5,1",
    ),
    "Stamped": (
        "Review ID,Author,Email,Rating,Title,Body,Created Date,Product Title,Is Verified Buyer",
        "1,Ann,a@example.org,5,Good,I like it,2023-08-25,Lamp,TRUE",
    ),
    "Walmart": (
        "reviewId,rating,title,reviewText,userNickname,reviewSubmissionTime",
        "1,5,Good,I like it,Ann,8/25/2023",
    ),
    "Okendo": (
        "reviewId,productName,rating,title,body,dateCreated,reviewer.displayName,reviewer.isVerified",
        "1,Lamp,5,Good,I like it,2023-08-25T10:00:00Z,Ann,true",
    ),
    "scrapers": (
        "Review_Date,User_Rating_out_of_5,Review_Heading,Review_Body,User_Name",
        "25/08/2023,5.0,Good,I like it,Ann",
    ),
    "Trustpilot": (
        "Review Id,Review Created (UTC),Review Username,Review Content,Review Stars,Is Review Verified",
        "a1,2023-08-25 10:00:00,Ann,I like it,5,TRUE",
    ),
    "Helium 10": (
        "Date,Author,Verified,Helpful,Title,Body,Rating,Images,Videos,URL,Variation,Style",
        "25/8/2023,Ann,Yes,0,Good,I like it,5,,,https://example.org,Red,",
    ),
    "Google Play": (
        "reviewId,userName,userImage,content,score,thumbsUpCount,reviewCreatedVersion,at,replyContent,repliedAt",
        "r1,Ann,u,I like it,5,0,1.0,2023-08-25 21:24:41,,",
    ),
    "Fine Foods": (
        "Id,ProductId,UserId,ProfileName,HelpfulnessNumerator,HelpfulnessDenominator,Score,Time,Summary,Text",
        "1,B001,Ann,ann,1,1,5,1692950000,Good,I like it",
    ),
    "Flipkart": ("product_name,Rate,Review,Date,Author", "Lamp,5,I like it,25 Aug 2023,Ann"),
    "German": (
        "Bewertung;Titel;Rezension;Datum;Verfasser;Verifizierter Kauf",
        "5,0;Gut;I like it;25.08.2023;Ann;ja",
    ),
    "French": ("Note;Titre;Commentaire;Date;Auteur;Achat vérifié", "5;Bien;I like it;25 août 2023;Ann;oui"),
    "Spanish": (
        "Calificación;Título;Comentario;Fecha;Autor;Compra verificada",
        "5;Bien;I like it;25 de agosto de 2023;Ann;sí",
    ),
    "Italian": (
        "Valutazione;Titolo;Recensione;Data;Autore;Acquisto verificato",
        "5;Bene;I like it;25 agosto 2023;Ann;sì",
    ),
    "Japanese": ("評価,タイトル,本文,投稿日,投稿者", "5,いい,I like it,2023年8月25日,Ann"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_read_as_their_makers_name_the_columns(name):
    (review,) = read("\n".join(TABLES[name])).reviews
    assert (review.rating, review.text, review.date, review.reviewer) == (5.0, "I like it", DAY, "Ann")
    if any(word in TABLES[name][0].lower() for word in ("verif", "vérif")):
        assert review.verified is True


def test_guests_without_an_account_are_told_apart_by_their_names():
    table = "user_id,comment_author,rating,comment_content\n0,Ann,5,I like it\n0,Ben,4,So do I\n7,Cid,3,Not I\n"
    assert [review.reviewer for review in read(table).reviews] == ["Ann", "Ben", "7"]


OBJECTS = {
    "Google Business Profile": {
        "reviews": [
            {
                "reviewId": "r",
                "reviewer": {"displayName": "Ann"},
                "starRating": "FIVE",
                "comment": "I like it",
                "createTime": "2023-08-25T03:04:05Z",
            }
        ],
        "averageRating": 4.9,
    },
    "Trustpilot's API": {
        "reviews": [
            {
                "id": "5",
                "consumer": {"id": "Ann", "displayName": "Ann B.", "numberOfReviews": 1},
                "stars": 5,
                "title": "Good",
                "text": "I like it",
                "createdAt": "2023-08-25T13:37:00",
                "companyReply": {"text": "Thank you", "createdAt": "2023-09-07T13:37:00"},
            }
        ]
    },
    "Bazaarvoice": {
        "TotalResults": 1,
        "Results": [
            {
                "Id": "1",
                "UserNickname": "Ann",
                "Rating": 5,
                "RatingRange": 5,
                "Title": "Good",
                "ReviewText": "I like it",
                "SubmissionTime": "2023-08-25T00:00:00.000+00:00",
            }
        ],
    },
    "Apify": [
        {
            "ratingScore": 5,
            "reviewTitle": "Good",
            "reviewedIn": "Reviewed in the United States on August 25, 2023",
            "date": "2023-08-25",
            "reviewDescription": "I like it",
            "isVerified": True,
            "userId": "Ann",
            "reviewId": "R1",
        }
    ],
    "Outscraper": [
        {
            "id": "R1",
            "title": "Good",
            "body": "I like it",
            "author_title": "Ann",
            "rating": 5,
            "rating_text": "5.0 out of 5 stars",
            "date": "Reviewed in the United States on August 25, 2023",
            "bage": "Verified Purchase",
        }
    ],
    "Etsy": [{"reviewer": "Ann", "date_reviewed": "25/08/2023", "star_rating": 5, "message": "I like it"}],
}


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_read_as_their_makers_name_the_keys(name):
    (review,) = read(json.dumps(OBJECTS[name])).reviews
    assert (review.rating, review.text, review.date, review.reviewer) == (5.0, "I like it", DAY, "Ann")
